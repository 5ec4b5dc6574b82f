"""Start ministack on 127.0.0.1 with our patches, our guard and our snapshots.

Environment, set by `tools.localcloud.cloud`:

    DARKROOM_LOCAL_CLOUD       the state folder
    GATEWAY_PORT               the port
    DARKROOM_FUNCTION_PYTHON   the interpreter that runs the functions
    DARKROOM_FUNCTION_PACKAGES its site-packages
    AWS_ACCESS_KEY_ID          root's credentials: what is signed with them may do anything
    AWS_SECRET_ACCESS_KEY
    DARKROOM_WORKERS           processes a function at most (2)
"""

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tools.localcloud.emulator.settings import configure
from tools.localcloud.guard import guarded, origins_of

PINNED = "1.5.33"


def main() -> None:
    """Run until SIGTERM; exit with a message when this is not the ministack we know."""
    _require_ministack()
    home, port = Path(os.environ["DARKROOM_LOCAL_CLOUD"]), int(os.environ["GATEWAY_PORT"])
    configure(home, port)

    # Only now: ministack reads its environment while it is imported.
    from ministack import app  # noqa: PLC0415

    from tools.localcloud.emulator import patches, processors, saving, server, snapshots  # noqa: PLC0415

    patches.apply()
    app.app = guarded(saving.refusing_what_would_be_lost(app.app), origins_of(port))
    snapshots.start_after_restoring()
    server.install()
    processors.keep_to_one()
    # ministack parses the command line of its process.
    sys.argv[1:] = []
    app.main()


def _require_ministack() -> None:
    try:
        found = version("ministack")
    except PackageNotFoundError:
        found = "none"
    if found != PINNED:
        sys.exit(
            f"The local cloud needs ministack=={PINNED}, this environment has {found}: its patches "
            "reach into private names. Run `make up`, which installs the pinned version."
        )


if __name__ == "__main__":
    main()
