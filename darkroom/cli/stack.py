"""The Darkroom stack that a command is for: where its API is, with which key, in which cloud."""

import dataclasses
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from darkroom.aws.console_links import machine_url
from darkroom.cli.errors import CommandError
from darkroom.cli.terminal import program
from darkroom.cli.terminal.output import complain
from darkroom.client import Darkroom
from darkroom.client.transport import connection

PROJECT = Path(__file__).resolve().parents[2]
STACK_FILE = Path(".local", "stack.json")
DEFAULT_REGION = "us-east-1"


class NoStack(CommandError):
    """No stack was found, it cannot be read, or it does not run."""


@dataclass(frozen=True)
class Stack:
    """One deployed Darkroom: the address and the key of its API and, if known, its cloud."""

    api_url: str
    api_key: str = field(repr=False)
    endpoint_url: str | None = None  # of the local cloud's AWS services; None in AWS
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    """The arguments with which boto3 signs requests to the local cloud."""
    region: str | None = None  # None: that of the user's environment
    stack_name: str = ""  # in CloudFormation; empty if only the API is known
    console_url: str | None = None  # of the Step Functions console
    outputs: Mapping[str, str] = field(default_factory=dict)
    """Those of template.yaml; empty if only the API is known."""
    saved_url: str | None = None  # where the local cloud reports whether it can save its state
    code: Mapping[str, Mapping[str, str]] = field(default_factory=dict)
    """Checksums of what was deployed to the local cloud: see `operator.drift`."""
    options: tuple[str, ...] = ()
    """The options of the command line that select this stack."""

    @property
    def is_local(self) -> bool:
        """Whether it is deployed to a local cloud."""
        return self.endpoint_url is not None

    def page_url(self, task_id: str | None = None) -> str:
        """Return the address of the stack's own page, or of a task on it."""
        return f"{self.api_url}/" + (f"#/tasks/{task_id}" if task_id else "")

    def darkroom(self) -> Darkroom:
        """Return a client of the stack's API."""
        # A proxy of the environment cannot reach a local cloud.
        return Darkroom(self.api_url, self.api_key, proxies=not self.is_local)

    def http(self, timeout: float) -> httpx.Client:
        """Return an HTTP client for the stack that never sends a request again."""
        return connection(proxies=not self.is_local, timeout=timeout)

    def client(self, service: str) -> Any:
        """Return a boto3 client for the stack's cloud; in AWS with the user's credentials."""
        import boto3

        from darkroom.cli import aws

        region = self.region or aws.default_region() or DEFAULT_REGION
        return boto3.client(service, region, endpoint_url=self.endpoint_url, **self.credentials)

    def command(self, arguments: str) -> str:
        """Return another command for the same stack, for the user to copy."""
        return program.command(arguments, self.options)

    def unsaved(self) -> str | None:
        """Return why the local cloud cannot save its state; None if it can, or is busy.

        Raises:
            NoStack: it does not run.
        """
        if self.saved_url is None:
            return None
        try:
            with self.http(timeout=2) as http:
                message: str = http.get(self.saved_url).json()["error"]["message"]
        except httpx.ConnectError as error:
            address = httpx.URL(self.saved_url).netloc.decode()
            raise NoStack(
                f"The local cloud is not running: {address} does not answer. "
                "Start it with `make up`."
            ) from error
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return None
        return message


class Target(NamedTuple):
    """The stack that the options `--stack` and `--region` select."""

    stack_name: str | None = None
    region: str | None = None

    @property
    def options(self) -> tuple[str, ...]:
        """The options of the command line that select the stack."""
        given = zip(("--stack", "--region"), self, strict=True)
        return tuple(word for option, value in given if value for word in (option, value))

    def find(self, *, must_run: bool = True) -> Stack:
        """Find the stack; print a warning if it is a local cloud that cannot save its state.

        Args:
            must_run: whether a local cloud that does not run is an error.

        Raises:
            NoStack: as `find`; or a local cloud does not run.
        """
        found = dataclasses.replace(find(self.stack_name, self.region), options=self.options)
        try:
            if problem := found.unsaved():
                complain(problem)
        except NoStack:
            if must_run:
                raise
        return found

    def command(self, arguments: str) -> str:
        """Return another command for the same stack, for the user to copy."""
        return program.command(arguments, self.options)


def key_advice(target: object) -> str:
    """Return what to do if the API refuses the key of a stack."""
    if isinstance(target, Target) and target.stack_name:
        return "The key of the output ApiKeyId must be enabled and in the stack's usage plan."
    if os.environ.get("DARKROOM_API_KEY"):
        return "Set DARKROOM_API_KEY to a key of this stack, or name the stack with --stack."
    return "Run `make up` to write the key of the local cloud again."


def find(stack_name: str | None = None, region: str | None = None) -> Stack:
    """Find the stack: an option has precedence over the environment, and that over a file.

    1. `stack_name`, a CloudFormation stack in AWS, in `region` or the profile's region. It is the
       option `--stack` or the variable DARKROOM_STACK, and `--region` or DARKROOM_REGION;
    2. `DARKROOM_API_URL` and `DARKROOM_API_KEY` of the environment;
    3. `.local/stack.json` of this checkout, of the current folder or of one above it.

    Raises:
        NoStack: none of the three, or the first one that is given cannot be read.
    """
    if stack_name:
        return deployed(stack_name, region)
    url, key = os.environ.get("DARKROOM_API_URL"), os.environ.get("DARKROOM_API_KEY")
    if url and key:
        _check(url, key)
        return Stack(url.rstrip("/"), key, region=region)
    if url or key:
        raise NoStack("Set both DARKROOM_API_URL and DARKROOM_API_KEY, or neither.")
    here = Path.cwd()
    for folder in (PROJECT, here, *here.parents):
        path = folder / STACK_FILE
        if path.is_file():
            try:
                return from_description(json.loads(path.read_text()))
            except (OSError, ValueError, KeyError, AttributeError) as error:
                raise NoStack(f"{path} cannot be read. Run `make up` to write it again.") from error
    raise NoStack(
        "No Darkroom stack was found. Start the local cloud with `make up`, name a stack in AWS "
        "with --stack or DARKROOM_STACK, or set DARKROOM_API_URL and DARKROOM_API_KEY."
    )


def _check(url: str, key: str) -> None:
    if not re.match("https?://[^/]", url):
        raise NoStack(
            f"DARKROOM_API_URL is {url!r}. Set it to the address of an API, the output ApiUrl of "
            "its stack. It starts with https://."
        )
    if not re.fullmatch("[!-~]+", key):
        raise NoStack(
            "DARKROOM_API_KEY has a character that no API key has, for example a line break. Set "
            "it to the key alone."
        )


def from_description(description: Mapping[str, Any]) -> Stack:
    """Return the stack that the content of `.local/stack.json` describes.

    Raises:
        KeyError: `apiUrl` or `apiKey` is missing, or the credentials of a local cloud are.
    """
    credentials = {}
    if description.get("endpointUrl"):
        credentials = {
            "aws_access_key_id": description["accessKeyId"],
            "aws_secret_access_key": description["secretAccessKey"],
        }
    return Stack(
        api_url=description["apiUrl"].rstrip("/"),
        api_key=description["apiKey"],
        endpoint_url=description.get("endpointUrl"),
        credentials=credentials,
        region=description.get("region") or DEFAULT_REGION,
        stack_name=description.get("stackName", ""),
        console_url=description.get("consoleUrl"),
        outputs=description.get("outputs") or {},
        saved_url=description.get("savedUrl"),
        code=description.get("code") or {},
    )


def deployed(stack_name: str, region: str | None = None) -> Stack:
    """Read a stack in AWS from CloudFormation and API Gateway.

    Raises:
        NoStack: no region or credentials, no such stack, or it is not a Darkroom.
    """
    import boto3

    from darkroom.cli import aws
    from darkroom.cli.callers.operators_key import operators_key

    region = region or aws.default_region()
    if not region:
        raise NoStack(f"The region of {stack_name} is not known. Use --region or set AWS_REGION.")
    try:
        cloudformation = boto3.client("cloudformation", region)
        (found,) = cloudformation.describe_stacks(StackName=stack_name)["Stacks"]
        outputs = {o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", [])}
        if missing := {"ApiUrl", "ApiKeyId"} - outputs.keys():
            raise NoStack(
                f"The stack {stack_name} is not a Darkroom, or its deployment is not complete: it "
                f"has no output {' and no '.join(sorted(missing))}."
            )
        clients = (boto3.client(service, region) for service in ("apigateway", "dynamodb"))
        key = operators_key(outputs, *clients)
    except aws.AwsError as error:
        reason = aws.message(error)
        raise NoStack(
            f"The stack {stack_name} in {region} cannot be read: {reason.rstrip('.')}. Check its "
            "name, its region and your AWS credentials."
        ) from error
    machine = outputs.get("StateMachineArn")
    return Stack(
        api_url=outputs["ApiUrl"].rstrip("/"),
        api_key=key,
        region=region,
        stack_name=stack_name,
        console_url=machine_url(machine) if machine else None,
        outputs=outputs,
    )
