"""The entry point of the command `darkroom`, and of `python -m darkroom.cli`."""

import os
import signal
import sys
from contextlib import suppress
from typing import NoReturn

INTERRUPTED = 130


def main() -> NoReturn:
    """Run the command line and end the process with its exit code: see `darkroom.cli.errors`."""
    for stream in (sys.stdout, sys.stderr):
        if stream:  # None if it was closed
            # A terminal that cannot show a character shows its code.
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
    try:
        from darkroom.cli.main import app

        app()
    except KeyboardInterrupt:  # while modules were imported
        code: object = INTERRUPTED
    except SystemExit as end:
        code = end.code
    # A second Ctrl-C ends the process at once, without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if code == INTERRUPTED:
        for stream in (sys.stdout, sys.stderr):
            with suppress(OSError, ValueError, AttributeError):
                stream.flush()
        # A usual exit would wait for requests that nobody waits for any more.
        os._exit(INTERRUPTED)
    sys.exit(code)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
