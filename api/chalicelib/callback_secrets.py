"""The secrets that sign the webhooks of callers, and their rotation."""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from chalicelib.errors import Problem
from darkroom.events.model import secret_text
from darkroom.tasks.secret_versions import SecretVersions, TooManyRotations, Versions

if TYPE_CHECKING:
    from darkroom.aws.kms import Secrets


@dataclass(frozen=True)
class CallbackSecrets:
    """Shows and rotates the secret of a caller."""

    versions: SecretVersions
    secrets: Callable[[], "Secrets"]
    """Returns what derives the secrets. Few requests need its client, so it is made on demand."""

    def show(self, owner: str) -> dict[str, str | None]:
        """Return the current secret, and until when an earlier one signs as well, if one does."""
        return self._shown(owner, self.versions.of(owner, datetime.datetime.now(datetime.UTC)))

    def rotate(self, owner: str) -> dict[str, str | None]:
        """Begin a new secret and return it, as `show` does. The earlier one signs for a day more.

        Raises:
            Problem: 409, too many earlier secrets sign already.
        """
        try:
            rotated = self.versions.rotate(owner, datetime.datetime.now(datetime.UTC))
        except TooManyRotations as error:
            raise Problem.known("TooManyRotations") from error
        return self._shown(owner, rotated)

    def _shown(self, owner: str, versions: Versions) -> dict[str, str | None]:
        secret = secret_text(self.secrets().of(owner, versions.current))
        return {"secret": secret, "previousExpiresAt": versions.previous_until}
