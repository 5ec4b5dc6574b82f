"""Stackport, the local Step Functions console, on 127.0.0.1 behind the same guard as the emulator.

`python -m local.console`, by the interpreter of the console's own environment. Stackport's own
command binds every interface, so its application is served from here. Environment, set by
`local.cloud`: `CONSOLE_PORT`, `AWS_ENDPOINT_URL` and Stackport's own variables.
"""

import os
from urllib.parse import quote, unquote

from local.guard import Application, Receive, Scope, Send, guarded, origins_of

EXECUTIONS = "/executions/"


def main() -> None:
    """Serve until SIGTERM."""
    # Only the console's environment has these.
    import uvicorn  # noqa: PLC0415
    from backend.main import app  # noqa: PLC0415

    port = int(os.environ["CONSOLE_PORT"])
    application = guarded(with_execution_addresses(app), origins_of(port))
    uvicorn.run(application, host="127.0.0.1", port=port, log_level="warning")


def with_execution_addresses(application: Application) -> Application:
    """Give each execution an address: `/executions/` and its ARN.

    Stackport shows an execution in a panel that has no address of its own, so this leads to the
    page of its state machine, where it is in the list by its name.
    """

    async def console(scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        if scope["type"] != "http" or not path.startswith(EXECUTIONS):
            await application(scope, receive, send)
            return
        machine = quote(machine_of(unquote(path.removeprefix(EXECUTIONS))), safe="")
        location = f"/resources/stepfunctions?machine={machine}".encode()
        headers = [(b"location", location), (b"content-length", b"0")]
        await send({"type": "http.response.start", "status": 302, "headers": headers})
        await send({"type": "http.response.body", "body": b""})

    return console


def machine_of(execution: str) -> str:
    """Name the state machine of an execution, Standard or Express, by ARN."""
    parts = execution.split(":")
    return ":".join([*parts[:5], "stateMachine", *parts[6:7]])


if __name__ == "__main__":
    main()
