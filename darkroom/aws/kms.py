"""The secrets that sign webhooks: every call to KMS."""

from darkroom.aws.clients import client


class Secrets:
    """The secrets of callers, derived from an HMAC key that never leaves KMS."""

    def __init__(self, key_id: str) -> None:
        self._key_id = key_id
        self._known: dict[bytes, bytes] = {}
        self._kms = client("kms")

    def of(self, owner: str, version: int = 1) -> bytes:
        """Return a version of a caller's secret: 32 bytes, always the same.

        An owner has no line break, so that no version of one is a secret of another.
        """
        message = (owner if version == 1 else f"{owner}\n{version}").encode()
        if message not in self._known:
            self._known[message] = self._kms.generate_mac(
                KeyId=self._key_id, Message=message, MacAlgorithm="HMAC_SHA_256"
            )["Mac"]
        return self._known[message]
