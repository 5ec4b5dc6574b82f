"""IAM, where it is enforced: `AUTH=true`."""

from typing import Any

from ministack.core import iam_evaluator

from tools.localcloud.emulator.patches.replacing import Function, replace


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


def allow_a_batch_of_messages_by_the_single_action() -> None:
    """Every action on many messages needs the permission for one; there is none for many.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api.html
    """

    def around(original: Function) -> Function:
        def matches(action: str, *rest: Any) -> Any:
            of_a_batch = action.startswith("sqs:") and action.endswith("Batch")
            return original(action.removesuffix("Batch") if of_a_batch else action, *rest)

        return matches

    replace(iam_evaluator, "_action_matches", around, has="request_action")


def apply() -> None:
    """Apply the patches of this module."""
    take_the_loopback_for_tls()
    allow_a_batch_of_messages_by_the_single_action()
