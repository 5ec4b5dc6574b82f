"""The entry point of the command `darkroom`, and of `python -m darkroom.cli`."""

# Only modules that Python has loaded already: Ctrl-C is handled as soon as possible.
import os
import sys

INTERRUPTED = 130


def main() -> None:
    """Run the command line and end the process with its exit code: see `darkroom.cli.errors`."""
    code: object = INTERRUPTED
    try:
        for stream in (sys.stdout, sys.stderr):
            if stream:  # None if it was closed
                # A terminal that cannot show a character shows its code.
                stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]
        from darkroom.cli.main import app

        app()
    except SystemExit as end:
        code = end.code
    except KeyboardInterrupt:  # while modules were imported
        sys.stderr.write("Interrupted. Nothing was done.\n")
    import signal

    # A second Ctrl-C ends the process at once, without a traceback.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    if code == INTERRUPTED:
        # A usual exit would wait for requests that nobody waits for any more. `Commands.main` has
        # written all output.
        os._exit(INTERRUPTED)
    sys.exit(code)  # type: ignore[arg-type]


if __name__ == "__main__":
    main()
