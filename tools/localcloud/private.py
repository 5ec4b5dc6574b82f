"""Folders and files that only their owner can read, and the credentials of a local cloud."""

import json
import os
import secrets
import string
from dataclasses import dataclass, field
from pathlib import Path
from typing import Self

FOLDER, FILE = 0o700, 0o600
LETTERS = string.ascii_uppercase + string.digits


def make_folder(path: Path) -> Path:
    """Create a folder for the owner only, or restrict an existing one; return it."""
    path.mkdir(FOLDER, parents=True, exist_ok=True)
    path.chmod(FOLDER)
    return path


def write(path: Path, text: str) -> None:
    """Write a file atomically: a reader sees either the old text or the new one."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)  # one that is already there may be open elsewhere
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE), "w") as file:
        file.write(text)
    partial.replace(path)


@dataclass(frozen=True)
class Credentials:
    """Credentials that sign requests to a local cloud. They are random: they allow running code."""

    access_key_id: str
    secret_access_key: str = field(repr=False)

    @classmethod
    def load(cls, home: Path) -> Self:
        """Read the credentials of the local cloud with this state folder.

        Raises:
            FileNotFoundError: it was never started.
        """
        return cls(**json.loads(_path(home).read_text()))

    @staticmethod
    def exist(home: Path) -> bool:
        """Return whether the local cloud with this state folder has credentials."""
        return _path(home).exists()

    @staticmethod
    def create(home: Path) -> None:
        """Create credentials for a local cloud. They and its links stay valid after a restart."""
        key_id = "AKIA" + "".join(secrets.choice(LETTERS) for _ in range(16))
        created = {"access_key_id": key_id, "secret_access_key": secrets.token_urlsafe(30)}
        write(_path(home), json.dumps(created) + "\n")

    @property
    def environment(self) -> dict[str, str]:
        """Return the environment variables from which AWS's tools read credentials."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }

    @property
    def arguments(self) -> dict[str, str]:
        """Return the credentials as arguments of `boto3.client`."""
        return {name.lower(): value for name, value in self.environment.items()}


def _path(home: Path) -> Path:
    return home / "credentials.json"
