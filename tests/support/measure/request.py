"""Answer one request in this process, as Lambda does; print the response, the time and the
memory."""

import importlib
import json
import sys
import time
from pathlib import Path


def main(api: str, path: str, body: str) -> None:
    sys.path.insert(0, api)
    event = {
        "path": path,
        "httpMethod": "POST",
        "headers": {},
        "multiValueHeaders": {},
        "queryStringParameters": None,
        "multiValueQueryStringParameters": None,
        "pathParameters": None,
        "stageVariables": None,
        "requestContext": {
            "resourcePath": path,
            "httpMethod": "POST",
            "path": f"/v1{path}",
            "identity": {"apiKeyId": "me"},
        },
        "body": body,
        "isBase64Encoded": False,
    }
    sent = json.dumps(event, ensure_ascii=False)
    event.clear()
    app = importlib.import_module("app").app

    started = time.process_time()
    answer = app(json.loads(sent), None)
    seconds = time.process_time() - started
    status = Path("/proc/self/status").read_text().splitlines()
    peak = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmHWM"))
    sys.stdout.write(json.dumps([answer["statusCode"], answer["body"], peak, seconds]))


main(sys.argv[1], sys.argv[2], Path(sys.argv[3]).read_text())
