"""Who signs a request: with a secret that nobody can guess, verified before anything else happens.

ministack takes some keys for the account's root, whatever the signature, and a function's secret is
a digest of its name.
"""

import hashlib
import hmac
import os
from typing import Any

from ministack import app
from ministack.core import iam_evaluator, lambda_runtime, router

from tools.localcloud.emulator.patches.replacing import Function, Instead, rely_on, replace

# Root's, of `tools.localcloud.private`. Without it the emulator does not start.
SECRET = os.environ["AWS_SECRET_ACCESS_KEY"]


def apply() -> None:
    """Apply the patches of this module."""
    verify_roots_signature()
    verify_before_anything()
    give_functions_secret_credentials()


def verify_roots_signature() -> None:
    """Root's requests are signed like any other's; ministack does not verify them.

    https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html
    """
    replace(iam_evaluator, "_is_root_key", lambda _: lambda key_id: not key_id, has="is_root_")


def verify_before_anything() -> None:
    """A request with a signature that is wrong is refused, whatever it asks for.

    Each service verifies for itself in ministack, and a few of its own paths do not.
    """

    def shortcuts(original: Function) -> Function:
        async def after_the_signature(*request: Any) -> Any:
            method, path, headers, _, query, request_id = request
            if headers.get("authorization", "").startswith("AWS4-"):
                key_id = router.extract_access_key_id(headers, query)
                failure = iam_evaluator.check_credentials(key_id)
                if failure:
                    service = router.detect_service(method, path, headers, query)
                    return app._credential_failure(service, "", request_id, failure, headers)
            return await original(*request)

        return after_the_signature

    replace(app, "_handle_post_body_shortcuts", shortcuts, has="_handle_admin_config_request")


def give_functions_secret_credentials() -> None:
    """A function's credentials are temporary ones of its role, which nobody else can make.

    They are the same after a restart: a link that they have signed leads to its object again as
    soon as the function has a process. https://docs.aws.amazon.com/lambda/latest/dg/lambda-intro-execution-role.html
    """

    def sha256(data: bytes) -> Any:
        return hmac.new(SECRET.encode(), data, hashlib.sha256)

    rely_on(lambda_runtime, "execution_credentials", has='hashlib.sha256(f"{function_arn}')
    lambda_runtime.hashlib = Instead(hashlib, sha256=sha256)
