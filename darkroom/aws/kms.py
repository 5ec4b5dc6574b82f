"""The secrets that sign webhooks: every call to KMS."""

from darkroom.aws.clients import client


class Secrets:
    """One secret per caller, derived from an HMAC key that never leaves KMS."""

    def __init__(self, key_id: str) -> None:
        self._key_id = key_id
        self._known: dict[str, bytes] = {}
        self._kms = client("kms")

    def of(self, owner: str) -> bytes:
        """Return a caller's secret: 32 bytes, always the same."""
        if owner not in self._known:
            self._known[owner] = self._kms.generate_mac(
                KeyId=self._key_id, Message=owner.encode(), MacAlgorithm="HMAC_SHA_256"
            )["Mac"]
        return self._known[owner]
