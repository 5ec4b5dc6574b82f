"""Stackport, the local Step Functions console, on 127.0.0.1 behind the same guard as the emulator.

`python -m local.console`, by the interpreter of the console's own environment. Stackport's own
command binds every interface, so its application is served from here. Environment, set by
`local.cloud`: `CONSOLE_PORT`, `AWS_ENDPOINT_URL` and Stackport's own variables.
"""

import os

from local.guard import guarded, origins_of


def main() -> None:
    """Serve until SIGTERM."""
    # Only the console's environment has these.
    import uvicorn  # noqa: PLC0415
    from backend.main import app  # noqa: PLC0415

    port = int(os.environ["CONSOLE_PORT"])
    application = guarded(app, origins_of(port))
    uvicorn.run(application, host="127.0.0.1", port=port, log_level="warning")


if __name__ == "__main__":
    main()
