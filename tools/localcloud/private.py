"""Folders and files that nobody but their owner may read, and the credentials that lie in one."""

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
    """Make a folder, or take what others may do in it from one that is there; return it."""
    path.mkdir(FOLDER, parents=True, exist_ok=True)
    path.chmod(FOLDER)
    return path


def write(path: Path, text: str) -> None:
    """Write a file whole: whoever reads it finds the old text or the new one."""
    partial = path.with_suffix(".partial")
    partial.unlink(missing_ok=True)  # one that is there may have been opened by somebody
    with os.fdopen(os.open(partial, os.O_WRONLY | os.O_CREAT | os.O_EXCL, FILE), "w") as file:
        file.write(text)
    partial.replace(path)


@dataclass(frozen=True)
class Credentials:
    """What signs requests to a local cloud: who has it may run code there, so it is random."""

    access_key_id: str
    secret_access_key: str = field(repr=False)

    @classmethod
    def of(cls, home: Path) -> Self:
        """Read the credentials of the local cloud with this state folder.

        Raises:
            FileNotFoundError: it was never started.
        """
        return cls(**json.loads(_path(home).read_text()))

    @staticmethod
    def there_are(home: Path) -> bool:
        """Say whether the local cloud with this state folder has credentials."""
        return _path(home).exists()

    @staticmethod
    def make(home: Path) -> None:
        """Make credentials for a local cloud. They outlive its processes, as its links do."""
        key_id = "AKIA" + "".join(secrets.choice(LETTERS) for _ in range(16))
        made = {"access_key_id": key_id, "secret_access_key": secrets.token_urlsafe(30)}
        write(_path(home), json.dumps(made) + "\n")

    @property
    def environment(self) -> dict[str, str]:
        """Return the variables in which AWS's tools look for credentials."""
        return {
            "AWS_ACCESS_KEY_ID": self.access_key_id,
            "AWS_SECRET_ACCESS_KEY": self.secret_access_key,
        }

    @property
    def arguments(self) -> dict[str, str]:
        """Return the arguments by which `boto3.client` takes credentials."""
        return {
            "aws_access_key_id": self.access_key_id,
            "aws_secret_access_key": self.secret_access_key,
        }


def _path(home: Path) -> Path:
    return home / "credentials.json"
