"""The stages of the pipeline. Their settings are in samconfig.toml."""

import tomllib
from dataclasses import dataclass
from pathlib import Path

from tools.localcloud.cloud import PROJECT


@dataclass(frozen=True)
class Stage:
    """One stage of the pipeline, and its stack."""

    name: str
    config_env: str
    """Its section in samconfig.toml; the first stage's is SAM's `default`."""
    stack_name: str
    parameters: dict[str, str]


def stages(config: Path = PROJECT / "samconfig.toml") -> dict[str, Stage]:
    """Return the stages by name, in the order of release."""
    found = {}
    settings = tomllib.loads(config.read_text())
    for name, config_env in (("dev", "default"), ("staging", "staging"), ("prod", "prod")):
        pairs = settings[config_env]["deploy"]["parameters"]["parameter_overrides"].split()
        found[name] = Stage(
            name,
            config_env,
            settings[config_env]["global"]["parameters"]["stack_name"],
            dict(pair.split("=", 1) for pair in pairs),
        )
    return found
