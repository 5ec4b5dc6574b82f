"""Write the description of the API to docs/openapi.json: `make describe`."""

import json
import sys

from tools.build.packages import PROJECT

PLACE = PROJECT / "docs" / "openapi.json"


def described() -> str:
    """Return the description as the models of requests and answers have it, as JSON text."""
    sys.path.insert(0, str(PROJECT / "api"))  # as on Lambda, where chalicelib is at the root
    try:
        from chalicelib.openapi import document  # noqa: PLC0415 - it is to be found only here
    finally:
        del sys.path[0]
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    PLACE.write_text(described(), "utf-8")
