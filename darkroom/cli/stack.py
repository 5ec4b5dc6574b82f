"""Which Darkroom the command line speaks to: where its API is, with which key, in which cloud."""

import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import httpx
from botocore.exceptions import BotoCoreError, ClientError

from darkroom.aws.console_links import machine_url
from darkroom.client import Darkroom

PROJECT = Path(__file__).resolve().parents[2]
STACK_FILE = Path(".local", "stack.json")
DEFAULT_REGION = "us-east-1"


class NoStack(Exception):
    """No Darkroom was found, or it cannot be asked; the message says what to do."""


@dataclass(frozen=True)
class Stack:
    """One deployed Darkroom.

    `endpoint_url` is where the local cloud's AWS services answer, `credentials` the arguments by
    which boto3 signs requests there, `saved_url` where it says whether its state is saved, and
    `code` what was deployed: see `operator.deployed`. In AWS there is none of these. `outputs` are
    those of template.yaml; empty when only the API's address and key are known.
    """

    api_url: str
    api_key: str = field(repr=False)
    endpoint_url: str | None = None
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)
    region: str = DEFAULT_REGION
    stack_name: str = ""
    console_url: str | None = None
    outputs: Mapping[str, str] = field(default_factory=dict)
    saved_url: str | None = None
    code: Mapping[str, Mapping[str, str]] = field(default_factory=dict)

    def darkroom(self) -> Darkroom:
        """Make a client of the stack's API."""
        # A proxy of the environment is no way to a local cloud, nor to its S3.
        return Darkroom(self.api_url, self.api_key, proxies=self.endpoint_url is None)

    def client(self, service: str) -> Any:
        """Make a boto3 client for this stack's cloud: the developer's credentials in AWS only."""
        if self.endpoint_url is None:
            return boto3.client(service, region_name=self.region)
        return boto3.client(
            service,
            endpoint_url=self.endpoint_url,
            region_name=self.region,
            **self.credentials,
        )

    def unsaved(self) -> str | None:
        """Return why the local cloud cannot save its state; None if it can, or does not answer."""
        if self.saved_url is None:
            return None
        try:
            answer = httpx.get(self.saved_url, timeout=2, trust_env=False)
            message: str = answer.json()["error"]["message"]
        except (httpx.HTTPError, ValueError, KeyError, TypeError):
            return None
        return message


def find(stack_name: str | None = None, region: str | None = None) -> Stack:
    """Find the stack to speak to. What is typed goes before what is set, that before what is there.

    1. `stack_name`, a CloudFormation stack in AWS, in `region` or the profile's region;
    2. `DARKROOM_API_URL` and `DARKROOM_API_KEY` of the environment;
    3. `.local/stack.json` of this checkout, of the current folder or of one above it.

    Raises:
        NoStack: none of the three; or the one that was named cannot be read.
    """
    if stack_name:
        return deployed(stack_name, region)
    url, key = os.environ.get("DARKROOM_API_URL"), os.environ.get("DARKROOM_API_KEY")
    if url and key:
        return Stack(url.rstrip("/"), key, region=region or _default_region() or DEFAULT_REGION)
    if url or key:
        raise NoStack("Set both DARKROOM_API_URL and DARKROOM_API_KEY, or neither.")
    for path in _stack_files():
        if path.is_file():
            return _read(path)
    raise NoStack(
        "There is no Darkroom here. Start the local cloud with `make up`, name a stack in AWS with "
        "--stack, or set DARKROOM_API_URL and DARKROOM_API_KEY."
    )


def from_description(description: Mapping[str, Any]) -> Stack:
    """Make a stack of what `.local/stack.json` holds.

    Raises:
        KeyError: it has no `apiUrl` or no `apiKey`, or is of a local cloud and has no credentials.
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
    """Ask CloudFormation and API Gateway for a stack in AWS.

    Raises:
        NoStack: no region or credentials, no such stack, or it is not a Darkroom.
    """
    region = region or _default_region()
    if not region:
        raise NoStack(f"In which region is {stack_name}? Give --region, or set AWS_REGION.")
    try:
        found = boto3.client("cloudformation", region_name=region).describe_stacks(
            StackName=stack_name
        )["Stacks"][0]
        outputs = {o["OutputKey"]: o["OutputValue"] for o in found.get("Outputs", [])}
        if missing := {"ApiUrl", "ApiKeyId"} - outputs.keys():
            raise NoStack(
                f"The stack {stack_name} is not a Darkroom, or not complete: it has no output "
                f"{' and no '.join(sorted(missing))}."
            )
        key = boto3.client("apigateway", region_name=region).get_api_key(
            apiKey=outputs["ApiKeyId"], includeValue=True
        )["value"]
    except ClientError as error:
        reason = error.response["Error"].get("Message", str(error))
        raise NoStack(f"The stack {stack_name} in {region} cannot be read: {reason}") from error
    except BotoCoreError as error:
        raise NoStack(f"AWS cannot be asked for {stack_name}: {error}") from error
    machine = outputs.get("StateMachineArn")
    return Stack(
        api_url=outputs["ApiUrl"].rstrip("/"),
        api_key=key,
        region=region,
        stack_name=stack_name,
        console_url=machine_url(machine) if machine else None,
        outputs=outputs,
    )


def _default_region() -> str | None:
    return os.environ.get("AWS_REGION") or boto3.session.Session().region_name


def _stack_files() -> Iterator[Path]:
    here = Path.cwd()
    for folder in (PROJECT, here, *here.parents):
        yield folder / STACK_FILE


def _read(path: Path) -> Stack:
    try:
        return from_description(json.loads(path.read_text()))
    except (OSError, ValueError, KeyError, AttributeError) as error:
        raise NoStack(f"{path} cannot be used. Write it anew with `make up`.") from error
