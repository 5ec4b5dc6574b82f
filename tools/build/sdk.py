"""Reduce boto3's data, but not its code, to what the functions use.

botocore describes 449 services in 30 megabytes, and each client reads the description of its whole
service when a function starts. Kept unchanged are: our operations with all inputs, outputs and
errors; all partitions and regions; the rules for endpoints; retries; certificates.
`tests/contract/release/test_sdk.py` fails when a function uses an operation that is not listed.

`sam build` runs this from `infra/layers/Makefile`, with the standard library only.

    python -m tools.build.sdk FOLDER     reduce the boto3 that is installed in FOLDER
"""

import gzip
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OPERATIONS = {
    "dynamodb": {
        "BatchGetItem",
        "DeleteItem",
        "GetItem",
        "PutItem",
        "Query",
        "TransactWriteItems",
        "UpdateItem",
    },
    "events": {"PutEvents"},
    "kms": {"GenerateMac"},
    "logs": {"FilterLogEvents"},
    # botocore itself needs two: HeadBucket to find the region of a redirected bucket, and the model
    # of CreateBucket to sign a form.
    "s3": {
        "CopyObject",
        "CreateBucket",
        "DeleteObjects",
        "GetObject",
        "HeadBucket",
        "HeadObject",
        "ListObjectVersions",
        "PutObject",
    },
    "sqs": {
        "ChangeMessageVisibilityBatch",
        "DeleteMessage",
        "ReceiveMessage",
        "SendMessage",
        "SendMessageBatch",
    },
    "stepfunctions": {
        "DescribeExecution",
        "GetExecutionHistory",
        "ListExecutions",
        "StartExecution",
        "StopExecution",
    },
}
"""The operations that functions call, by boto3's name of the service."""
ENDPOINTS = {"dynamodb", "events", "kms", "logs", "s3", "sqs", "states"}
"""The same services, by the names of their endpoints."""
UNUSED = ("examples-", "paginators-", "waiters-")

Json = Any


def cut(site: Path) -> None:
    """Reduce the data of boto3 and botocore in a folder.

    Raises:
        FileNotFoundError: the folder does not contain them.
        KeyError: they do not have one of the operations.
    """
    shutil.rmtree(site / "boto3" / "examples")
    shutil.rmtree(site / "boto3" / "data")  # for `boto3.resource`, which needs every operation
    data = site / "botocore" / "data"
    for folder in [path for path in data.iterdir() if path.is_dir()]:
        if folder.name not in OPERATIONS:
            shutil.rmtree(folder)
    for service, operations in OPERATIONS.items():
        for path in sorted((data / service).glob("*/*")):
            if not path.name.startswith(UNUSED):
                _shorten(path, operations)
            if path.suffix == ".gz" or path.name.startswith(UNUSED):
                path.unlink()
    endpoints = json.loads((data / "endpoints.json").read_bytes())
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in services if name in ENDPOINTS}
    (data / "endpoints.json").write_text(_compact(endpoints))


def _shorten(path: Path, operations: set[str]) -> None:
    """Rewrite one file of a service: shorter, and uncompressed, because the layer is compressed."""
    stored = path.read_bytes()
    description = json.loads(gzip.decompress(stored) if path.suffix == ".gz" else stored)
    if path.name.startswith("service-2.json"):
        description = _of_operations(description, operations)
    path.with_name(path.name.removesuffix(".gz")).write_text(_compact(description))


def _of_operations(service: Json, names: set[str]) -> Json:
    """Return a service with only some of its operations, and without documentation."""
    operations = {name: service["operations"][name] for name in sorted(names)}
    shapes = service["shapes"]
    # An operation can return an error that its description does not list.
    waiting = [name for name in shapes if shapes[name].get("exception")]
    waiting += _references(operations)
    needed: set[str] = set()
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += _references(shapes[name])
    kept = {name: shape for name, shape in shapes.items() if name in needed}
    short: Json = _undocumented({**service, "operations": operations, "shapes": kept})
    if "clientContextParams" in service:
        # The only texts that botocore reads when it makes a client.
        short["clientContextParams"] = service["clientContextParams"]
    return short


def _references(value: Json) -> Iterator[str]:
    """Yield the names of the shapes that an operation or a shape refers to."""
    if isinstance(value, dict):
        for key, entry in value.items():
            if key == "shape" and isinstance(entry, str):
                yield entry
            else:
                yield from _references(entry)
    elif isinstance(value, list):
        for entry in value:
            yield from _references(entry)


def _undocumented(value: Json) -> Json:
    """Return a description without its texts; a member named "documentation" is kept."""
    if isinstance(value, dict):
        return {
            key: _undocumented(entry)
            for key, entry in value.items()
            if not (key == "documentation" and isinstance(entry, str))
        }
    return [_undocumented(entry) for entry in value] if isinstance(value, list) else value


def _compact(value: Json) -> str:
    return json.dumps(value, separators=(",", ":"))


if __name__ == "__main__":
    cut(Path(sys.argv[1]))
