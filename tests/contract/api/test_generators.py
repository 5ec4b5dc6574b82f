"""Linters of OpenAPI find nothing in the description, and the tools that read it are pinned."""

import json
from pathlib import Path

from tests.support.clients.generated import PROGRAMS, TYPESCRIPT, run
from tools.build.describe import OPENAPI_FILE


def test_redocly_finds_nothing(tmp_path: Path):
    command = ["lint", OPENAPI_FILE, "--extends", "recommended-strict"]
    reported = run("redocly", *command, folder=tmp_path)
    assert "Your API description is valid" in reported
    assert "warning" not in reported.lower(), reported


def test_spectral_finds_nothing(tmp_path: Path):
    rules = TYPESCRIPT / ".spectral.yaml"
    command = ["lint", OPENAPI_FILE, "--ruleset", rules, "--fail-severity", "hint"]
    reported = run("spectral", *command, folder=tmp_path)
    assert "No results" in reported, reported


def test_the_versions_of_the_tools_are_exact_and_without_an_address():
    wanted = json.loads((TYPESCRIPT / "package.json").read_text("utf-8"))["devDependencies"]
    lock = json.loads((TYPESCRIPT / "package-lock.json").read_text("utf-8"))["packages"]
    installed = {name: lock[f"node_modules/{name}"]["version"] for name in wanted}

    assert installed == wanted
    assert [name for name, entry in lock.items() if "resolved" in entry] == []
    assert all("integrity" in entry for name, entry in lock.items() if name)


def test_the_programs_take_no_type_for_granted():
    """A cast, or a type that is not checked, would hide what a description lacks."""
    for program in (PROGRAMS / "journey.py", *TYPESCRIPT.glob("*.ts")):
        text = program.read_text("utf-8")
        for trick in ("cast(", ": Any", "type: ignore", " as any", " as unknown", "@ts-", "!."):
            assert trick not in text, (program.name, trick)
