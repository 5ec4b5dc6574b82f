"""The environment variables of ministack, which reads them when it is imported."""

import os
from pathlib import Path

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


def configure(home: Path, port: int) -> None:
    """Set ministack's environment variables, except those that are set already.

    The state is stored in `home/state`. Functions and the emulator itself call the endpoint
    `AWS_ENDPOINT_URL`. Setting it puts a proxy that injects faults between them and the emulator.
    """
    state = home / "state"
    settings = {
        "GATEWAY_PORT": str(port),
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
