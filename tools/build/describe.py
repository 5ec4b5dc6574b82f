"""Write the OpenAPI document of the API to docs/openapi.json: `make describe`."""

import json
import sys

from tools.build.packages import PROJECT

OPENAPI_FILE = PROJECT / "docs" / "openapi.json"


def openapi_text() -> str:
    """Return the OpenAPI document, made from the models of requests and responses, as JSON."""
    sys.path.insert(0, str(PROJECT / "api"))  # as on Lambda, where chalicelib is at the root
    try:
        from chalicelib.openapi.document import document  # noqa: PLC0415 - needs the changed sys.path
    finally:
        del sys.path[0]
    return json.dumps(document(), indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    OPENAPI_FILE.write_text(openapi_text(), "utf-8")
