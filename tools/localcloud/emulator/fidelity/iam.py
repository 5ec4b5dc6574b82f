"""IAM: signatures, the credentials of functions, and the permissions that a request needs.

Differences from AWS: docs/aws-differences.md, "IAM, S3 and CloudWatch" and "DynamoDB, S3 and IAM".

The emulator runs with `AUTH=true`, so ministack enforces policies. But it accepts some access keys
as the account's root whatever the signature, and a function's secret key is a digest of its name.
"""

import hashlib
import hmac
import os
from typing import Any

from ministack import app
from ministack.core import iam_actions, iam_evaluator, lambda_runtime, router

from tools.localcloud.emulator.replacing import Function, ModuleProxy, Patch, rely_on, replaces

# Root's secret key, see `tools.localcloud.private`. Without it the emulator does not start.
SECRET = os.environ["AWS_SECRET_ACCESS_KEY"]


@replaces(iam_evaluator, "_resolve_condition_key", has="aws:securetransport")
def treat_loopback_as_tls(original: Function, key: str, context: Any) -> Any:
    """`aws:SecureTransport` is true, because a request to 127.0.0.1 has crossed no network.

    The template's policies refuse requests without TLS, and the emulator does not support TLS.
    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_condition-keys.html
    """
    return "true" if key.lower() == "aws:securetransport" else original(key, context)


@replaces(iam_evaluator, "_action_matches", has="request_action")
def allow_batch_actions_by_the_single_action(original: Function, action: str, *rest: Any) -> Any:
    """`SendMessageBatch` and its like need the permission for the single action; no other exists.

    https://docs.aws.amazon.com/AWSSimpleQueueService/latest/SQSDeveloperGuide/sqs-batch-api.html
    """
    is_batch = action.startswith("sqs:") and action.endswith("Batch")
    return original(action.removesuffix("Batch") if is_batch else action, *rest)


@replaces(iam_actions, "extract_resource_arn", has="log-group:{name}")
def end_the_arn_of_a_log_group_with_a_star(original: Function, service: str, *rest: Any) -> Any:
    """The ARN of a log group ends with `:*` in a policy, except for the actions on tags.

    https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/iam-access-control-overview-cwl.html
    """
    arn = original(service, *rest)
    is_group = service == "logs" and ":log-group:" in arn and not arn.endswith(":*")
    _method, _path, headers, *_ = rest
    tags = headers.get("x-amz-target", "").endswith(("TagResource", "TagsForResource"))
    return f"{arn}:*" if is_group and not tags else arn


@replaces(iam_evaluator, "_is_root_key", has="is_root_")
def verify_the_signature_of_root(_original: Function, key_id: str) -> bool:
    """Root's requests need a valid signature, like all others. ministack does not verify them.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
    """
    return not key_id


@replaces(app, "_handle_post_body_shortcuts", has="_handle_admin_config_request")
async def verify_signatures_first(original: Function, *request: Any) -> Any:
    """A request with a wrong signature is refused before anything else happens.

    In ministack each service verifies its own requests, and a few of its internal paths do not.
    """
    method, path, headers, _, query, request_id = request
    if headers.get("authorization", "").startswith("AWS4-"):
        key_id = router.extract_access_key_id(headers, query)
        failure = iam_evaluator.check_credentials(key_id)
        if failure:
            service = router.detect_service(method, path, headers, query)
            return app._credential_failure(service, "", request_id, failure, headers)
    return await original(*request)


@Patch
def give_functions_secret_credentials() -> None:
    """A function gets temporary credentials of its role that nobody else can compute.

    They stay the same after a restart. So a link that a function has signed is valid again as soon
    as the function has a process.
    https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
    """

    def sha256(data: bytes) -> Any:
        return hmac.new(SECRET.encode(), data, hashlib.sha256)

    rely_on(lambda_runtime, "execution_credentials", has='hashlib.sha256(f"{function_arn}')
    lambda_runtime.hashlib = ModuleProxy(hashlib, sha256=sha256)
