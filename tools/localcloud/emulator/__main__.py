"""Starts ministack on 127.0.0.1 with our patches, guard and snapshots.

Environment variables, set by `tools.localcloud.cloud`:

    DARKROOM_LOCAL_CLOUD       the state folder
    GATEWAY_PORT               the port
    DARKROOM_FUNCTION_PYTHON   the interpreter that runs the functions
    DARKROOM_FUNCTION_PACKAGES its site-packages
    AWS_ACCESS_KEY_ID          root's credentials, with which everything is allowed
    AWS_SECRET_ACCESS_KEY
    DARKROOM_SPEEDUPS          "0" turns all speedups off
    DARKROOM_INVOKE_FAULTS     faults of invocations, only for the fault suite: see `faults`
    DARKROOM_WORKERS           the processes of a function that may work at once (2)
"""

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tools.localcloud.emulator.replacing import apply_patches
from tools.localcloud.guard import guarded, origins_of

PINNED = "1.5.33"
REGION = "us-east-1"

# The services that template.yaml uses, and those that CloudFormation needs to create it. Requests
# to any other service are answered 400.
SERVICES = (
    "apigateway",
    "cloudformation",
    "dynamodb",
    "events",
    "iam",
    "kms",
    "lambda",
    "logs",
    "monitoring",
    "s3",
    "scheduler",
    "sns",
    "sqs",
    "ssm",
    "states",
    "sts",
)


def main() -> None:
    """Run until SIGTERM; exit with a message if this is not the pinned version of ministack."""
    _require_ministack()
    home, port = Path(os.environ["DARKROOM_LOCAL_CLOUD"]), int(os.environ["GATEWAY_PORT"])
    configure(home, port)

    # Only now, because ministack reads its environment when it is imported.
    from ministack import app  # noqa: PLC0415

    from tools.localcloud.emulator import (  # noqa: PLC0415
        faults,
        fidelity,
        snapshots,
        speedups,
    )

    speedups.apply()
    fidelity.apply()
    faults.apply()
    app.app = guarded(snapshots.reject_unsaved_changes(app.app), origins_of(port))
    apply_patches(snapshots)
    # ministack would parse the command line of this process.
    sys.argv[1:] = []
    app.main()


def configure(home: Path, port: int) -> None:
    """Set ministack's environment variables, except those that are set already.

    ministack reads them when it is imported.

    The state is stored in `home/state`. Functions and the emulator itself call the endpoint
    `AWS_ENDPOINT_URL`. Setting it puts a proxy that injects faults between them and the emulator.
    """
    state = home / "state"
    settings = {
        # Not in ministack's README. Without it, ministack listens on every interface.
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "SERVICES": ",".join(SERVICES),
        # Two listeners of services that Darkroom does not use.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        # Functions may only do what their roles allow, as in AWS. The state machine's role is not
        # evaluated.
        "AUTH": "true",
        "STATE_DIR": str(state),
        "S3_DATA_DIR": str(state / "s3"),
        # Without an endpoint a function would call the real AWS.
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
        "AWS_REGION": REGION,
        "AWS_DEFAULT_REGION": REGION,
        "AWS_EC2_METADATA_DISABLED": "true",
        "LOG_LEVEL": "WARNING",
    }
    for name, value in settings.items():
        os.environ.setdefault(name, value)


def _require_ministack() -> None:
    try:
        found = version("ministack")
    except PackageNotFoundError:
        found = "none"
    if found != PINNED:
        sys.exit(
            f"The local cloud needs ministack=={PINNED}, this environment has {found}: its patches "
            "reach into private names. Run `make up`, which installs the pinned version."
        )


if __name__ == "__main__":
    main()
