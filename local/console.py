"""Stackport, the local Step Functions console, on 127.0.0.1 behind the same guard as the emulator.

`python -m local.console`, by the interpreter of the console's own environment. Stackport's own
command binds every interface, so its application is served from here. Environment, set by
`local.cloud`: `CONSOLE_PORT`, `AWS_ENDPOINT_URL` and Stackport's own variables.
"""

import os
from urllib.parse import quote, unquote

from local.guard import Application, Receive, Scope, Send, guarded, origins_of

EXECUTIONS = "/executions/"
OF_EXPRESS = (
    b"Step Functions keeps nothing of an Express execution but its log. See it with:\n\n"
    b"    .venv/bin/darkroom logs TASK\n\n"
    b"The console of AWS draws its graph from that log; this local one cannot.\n"
)


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
    page of its state machine, where it is in the list by its name. Of an Express execution there is
    nothing to show: Stackport asks Step Functions, which lists and describes Standard ones only.
    """

    async def console(scope: Scope, receive: Receive, send: Send) -> None:
        path = str(scope.get("path", ""))
        if scope["type"] != "http" or not path.startswith(EXECUTIONS):
            await application(scope, receive, send)
            return
        execution = unquote(path.removeprefix(EXECUTIONS))
        if ":express:" in execution:
            status, header, body = 200, (b"content-type", b"text/plain"), OF_EXPRESS
        else:
            machine = quote(machine_of(execution), safe="")
            location = f"/resources/stepfunctions?machine={machine}".encode()
            status, header, body = 302, (b"location", location), b""
        headers = [header, (b"content-length", str(len(body)).encode())]
        await send({"type": "http.response.start", "status": status, "headers": headers})
        await send({"type": "http.response.body", "body": body})

    return console


def machine_of(execution: str) -> str:
    """Name the state machine of an execution by ARN."""
    parts = execution.split(":")
    return ":".join([*parts[:5], "stateMachine", *parts[6:7]])


if __name__ == "__main__":
    main()
