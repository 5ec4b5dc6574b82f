"""What webhooks are signed with: every call to KMS that Darkroom makes."""

from darkroom.aws.clients import client


class Secrets:
    """A secret for each caller, all made from one key that never leaves KMS."""

    def __init__(self, key_id: str) -> None:
        """Take the id of an HMAC key."""
        self._key_id = key_id
        self._known: dict[str, bytes] = {}
        self._kms = client("kms")

    def of(self, owner: str) -> bytes:
        """Return the 32 bytes of a caller, always the same."""
        if owner not in self._known:
            self._known[owner] = self._kms.generate_mac(
                KeyId=self._key_id, Message=owner.encode(), MacAlgorithm="HMAC_SHA_256"
            )["Mac"]
        return self._known[owner]
