"""Cut boto3 down to what the functions use of it: its data, never its code.

botocore describes 449 services in 30 megabytes, and each client reads the description of its whole
service when a function starts. What stays is as it was: our operations with all that they take,
give and raise; all partitions and regions; the rules for endpoints; retries; certificates.
`tests/contract/release/test_sdk.py` fails when a function uses what is not listed here.

`sam build` runs this from `infra/layers/Makefile`, with the standard library only.

    python -m tools.build.sdk FOLDER     cut the boto3 that was installed into FOLDER
"""

import gzip
import json
import shutil
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

OPERATIONS = {
    "dynamodb": {"BatchGetItem", "GetItem", "PutItem", "Query", "UpdateItem"},
    "events": {"PutEvents"},
    "kms": {"GenerateMac"},
    # Two are botocore's own: HeadBucket finds the region of a bucket that has been moved, and a
    # form is signed after the model of CreateBucket.
    "s3": {"CopyObject", "CreateBucket", "GetObject", "HeadBucket", "HeadObject", "PutObject"},
    "sqs": {
        "ChangeMessageVisibility",
        "ChangeMessageVisibilityBatch",
        "DeleteMessage",
        "ReceiveMessage",
        "SendMessage",
        "SendMessageBatch",
    },
    "stepfunctions": {
        "DescribeExecution",
        "GetExecutionHistory",
        "StartExecution",
        "StopExecution",
    },
}
"""What functions call, by boto3's names."""
ENDPOINTS = {"dynamodb", "events", "kms", "s3", "sqs", "states"}
"""The same services by the names that their endpoints have."""
UNUSED = ("examples-", "paginators-", "waiters-")

Json = Any


def cut(site: Path) -> None:
    """Cut the data of the boto3 and botocore that lie in a folder.

    Raises:
        FileNotFoundError: they are not there.
        KeyError: they do not know one of the operations.
    """
    shutil.rmtree(site / "boto3" / "examples")
    shutil.rmtree(site / "boto3" / "data")  # of `boto3.resource`, which needs every operation
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
    """Write one file of a service anew: shorter, and unpacked, for the layer is packed itself."""
    stored = path.read_bytes()
    description = json.loads(gzip.decompress(stored) if path.suffix == ".gz" else stored)
    if path.name.startswith("service-2.json"):
        description = _of_operations(description, operations)
    path.with_name(path.name.removesuffix(".gz")).write_text(_compact(description))


def _of_operations(service: Json, names: set[str]) -> Json:
    """Return a service with some of its operations, and without texts for people."""
    operations = {name: service["operations"][name] for name in sorted(names)}
    shapes = service["shapes"]
    # An operation can be answered with an error that its description does not name.
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
    """Give the names of the shapes that an operation or a shape is made of."""
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
    """Return a description without its texts for people. A member may have that name, too."""
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
