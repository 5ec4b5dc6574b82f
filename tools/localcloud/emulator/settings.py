"""What ministack is told through its environment, which it reads while it is imported."""

import os
from collections.abc import Mapping
from pathlib import Path

REGION = "us-east-1"

# What template.yaml uses, and what CloudFormation needs to make it. Others answer 400.
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


def configure(home: Path, port: int) -> None:
    """Set ministack's environment; what the starter has set already stays.

    State goes to `home/state`. The endpoint of functions and of the emulator's own calls can be
    set from outside (`AWS_ENDPOINT_URL`), so that a proxy which injects faults can stand between.
    """
    for name, value in _environment(home, port).items():
        os.environ.setdefault(name, value)


def _environment(home: Path, port: int) -> Mapping[str, str]:
    state = home / "state"
    return {
        "GATEWAY_PORT": str(port),
        # Not in ministack's README; without it every interface is bound.
        "BIND_HOST": "127.0.0.1",
        "MINISTACK_REGION": REGION,
        "SERVICES": ",".join(SERVICES),
        # Two listeners of services that nobody uses here.
        "IOT_MTLS_ENABLED": "0",
        "SFTP_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        # Functions may do what their roles allow and nothing else, as in AWS. The state machine's
        # role is not looked at.
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
