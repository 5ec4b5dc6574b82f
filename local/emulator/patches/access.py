"""IAM, where it is enforced: `AUTH=true`."""

from typing import Any

from ministack.core import iam_evaluator

from local.emulator.patches.replacing import Function, replace


def take_the_loopback_for_tls() -> None:
    """`aws:SecureTransport` is true: what comes over 127.0.0.1 has not crossed a network.

    The template's policies refuse whatever came without TLS, which the emulator does not speak.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """

    def around(original: Function) -> Function:
        def resolve(key: str, context: Any) -> Any:
            return "true" if key.lower() == "aws:securetransport" else original(key, context)

        return resolve

    replace(iam_evaluator, "_resolve_condition_key", around, has="aws:securetransport")


def apply() -> None:
    """Apply the patches of this module."""
    take_the_loopback_for_tls()
