"""The addresses of sources that fail, and of a receiver of webhooks.

| address | local cloud | AWS |
|---|---|---|
| blocked | a port of the local cloud itself | loopback |
| unavailable | a server of this process | a name that never resolves (RFC 6761, 6.4: `.invalid`) |
| slow | a server of this process | the same: its retries take seconds |
| forbidden | a server of this process | the stack's own API, without a key |
| too large | a server of this process | none: nothing public announces too many bytes |
| receiver | a server of this process | a Lambda function with a URL, deleted at the end |

A function of a stack in AWS cannot reach this machine, and the test must not depend on a third
party's server. A local stack with `AllowPrivateSources` "false" cannot reach this machine either.
"""

import io
import secrets
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tools.accept import receiver
from tools.accept.local_server import LocalServer
from tools.accept.report import NotChecked
from tools.accept.subject import Subject

UNREACHABLE = (
    "the stack is on a local cloud with AllowPrivateSources=false, so it cannot reach a server of "
    "this test"
)
NOTHING_ANNOUNCES = "in AWS the test has no public server that announces too many bytes"
NEVER_RESOLVES = "https://accept.invalid/picture.png"
URL_SECONDS = 60.0
"""How long a new function URL may take until it answers."""


@dataclass(frozen=True)
class Sites:
    """The addresses for one stack. Those that are None do not exist: `reason` says why."""

    blocked: str
    unavailable: str | None = None
    slow: str | None = None
    forbidden: str | None = None
    too_large: str | None = None
    server: LocalServer | None = None
    """The server of this process, which is also a receiver: see `receiver_of`."""
    reason: str = ""

    def address(self, name: str) -> str:
        """Return the address of this name.

        Raises:
            NotChecked: there is none for this stack.
        """
        address: str | None = getattr(self, name)
        if address is None:
            raise NotChecked(self.reason)
        return address


@contextmanager
def sites_of(subject: Subject) -> Iterator[Sites]:
    """Yield the addresses for a stack; the server on this machine ends afterwards."""
    blocked = f"http://127.0.0.1:{subject.own_port}/picture.png"
    if not subject.stack.is_local:
        yield Sites(
            blocked,
            unavailable=NEVER_RESOLVES,
            slow=NEVER_RESOLVES,
            forbidden=f"{subject.stack.api_url}/tasks",
            reason=NOTHING_ANNOUNCES,
        )
        return
    if subject.parameters["AllowPrivateSources"] != "true":
        yield Sites(blocked, reason=UNREACHABLE)
        return
    server = LocalServer(int(subject.parameters["MaxSourceBytes"]))
    try:
        yield Sites(
            blocked,
            unavailable=server.url("/unavailable"),
            slow=server.url("/slow"),
            forbidden=server.url("/forbidden"),
            too_large=server.url("/large"),
            server=server,
        )
    finally:
        server.close()


def secret_of(subject: Subject) -> str:
    """Return the secret that signs the caller's webhooks. Raises ApiError, Unreachable."""
    secret: str = subject.request("GET", "/callback-secret").json()["secret"]
    return secret


@contextmanager
def receiver_of(subject: Subject, sites: Sites) -> Iterator[str]:
    """Yield the URL of a receiver that has refused a webhook without a signature.

    Raises:
        NotChecked: no receiver can be made for this stack.
    """
    if subject.stack.is_local:
        if sites.server is None:
            raise NotChecked(sites.reason)
        sites.server.secret = secret_of(subject)
        yield sites.server.url("/webhook")
        return
    try:
        with _function(subject) as url:
            yield url
    except subject.stack.client("lambda").exceptions.ClientError as error:
        raise NotChecked(f"no receiver could be made: {error}") from error


@contextmanager
def _function(subject: Subject) -> Iterator[str]:
    """Create a Lambda function with a public URL, yield the URL, delete the function.

    The function has the role of the stack's page, which may only write its log. It needs no other
    permission, because Darkroom itself stores what the function has answered.
    """
    functions = subject.stack.client("lambda")
    name = f"{subject.stack.stack_name[:40]}-accept-{secrets.token_hex(4)}"
    page = subject.deployment.of_type("AWS::Lambda::Function")["PageFunction"]
    role = functions.get_function_configuration(FunctionName=page)["Role"]
    functions.create_function(
        FunctionName=name,
        Description="A receiver of webhooks for an acceptance test, which deletes it at its end",
        Runtime="python3.13",
        Handler="receiver.handler",
        Role=role,
        Timeout=10,
        Code={"ZipFile": _package()},
        Environment={"Variables": {"SECRET": secret_of(subject)}},
        LoggingConfig={"LogFormat": "JSON", "LogGroup": subject.stack.outputs["FunctionLogGroup"]},
    )
    try:
        yield _public_url(functions, name, subject)
    finally:
        functions.delete_function(FunctionName=name)


def _public_url(functions: Any, name: str, subject: Subject) -> str:
    """Give a function a public URL; return it when it answers.

    Since October 2025 a public URL needs both permissions:
    https://docs.aws.amazon.com/lambda/latest/dg/urls-auth.html
    """
    functions.get_waiter("function_active").wait(
        FunctionName=name, WaiterConfig={"Delay": 1, "MaxAttempts": 60}
    )
    url: str = functions.create_function_url_config(FunctionName=name, AuthType="NONE")[
        "FunctionUrl"
    ]
    everybody = {"FunctionName": name, "Principal": "*"}
    functions.add_permission(
        StatementId="url",
        Action="lambda:InvokeFunctionUrl",
        FunctionUrlAuthType="NONE",
        **everybody,
    )
    functions.add_permission(
        StatementId="function",
        Action="lambda:InvokeFunction",
        InvokedViaFunctionUrl=True,
        **everybody,
    )

    def look() -> tuple[str | None, object]:
        try:
            status = subject.http.post(url, json={"type": "task.completed"}).status_code
        except httpx.HTTPError as error:
            return None, error
        return (url if status == receiver.REFUSED else None), f"{url} answers {status}"

    expected = f"the receiver refuses a webhook without a signature ({receiver.REFUSED})"
    return subject.until(expected, URL_SECONDS, look)


def _package() -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        entry = zipfile.ZipInfo("receiver.py")
        entry.external_attr = 0o644 << 16  # Lambda's user must be able to read it
        archive.writestr(entry, Path(receiver.__file__).read_bytes())
    return file.getvalue()
