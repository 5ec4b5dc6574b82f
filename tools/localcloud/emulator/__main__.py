"""Starts ministack on 127.0.0.1 with our patches, guard and snapshots.

Environment variables, set by `tools.localcloud.cloud`:

    DARKROOM_LOCAL_CLOUD       the state folder
    GATEWAY_PORT               the port
    DARKROOM_FUNCTION_PYTHON   the interpreter that runs the functions
    DARKROOM_FUNCTION_PACKAGES its site-packages
    AWS_ACCESS_KEY_ID          root's credentials, with which everything is allowed
    AWS_SECRET_ACCESS_KEY
    DARKROOM_SPEEDUPS          "0" turns all speedups off
    DARKROOM_WORKERS           the most processes of a function (2)
"""

import os
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tools.localcloud.emulator.replacing import apply_patches
from tools.localcloud.emulator.settings import configure
from tools.localcloud.guard import guarded, origins_of

PINNED = "1.5.33"


def main() -> None:
    """Run until SIGTERM; exit with a message if this is not the pinned version of ministack."""
    _require_ministack()
    home, port = Path(os.environ["DARKROOM_LOCAL_CLOUD"]), int(os.environ["GATEWAY_PORT"])
    configure(home, port)

    # ministack reads its environment when it is imported, so it is imported only now.
    from ministack import app  # noqa: PLC0415

    from tools.localcloud.emulator import fidelity, snapshots, speedups  # noqa: PLC0415

    speedups.apply()
    fidelity.apply()
    app.app = guarded(snapshots.reject_unsaved_changes(app.app), origins_of(port))
    apply_patches(snapshots)
    # ministack would parse the command line of this process.
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
