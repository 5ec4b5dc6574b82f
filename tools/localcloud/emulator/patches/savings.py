"""What ministack works out again for each request, though the answer is the one of before.

None of it changes an answer. A task makes a dozen requests and some twenty evaluations, so each of
these is felt: docs/performance.md has the processor time of a task by part.
"""

import copy
import gc
import pickle
import re
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from contextvars import copy_context
from functools import lru_cache
from pathlib import Path
from typing import Any

import jsonata
from ministack.core import iam_evaluator, router
from ministack.services import (
    cloudformation,
    cloudwatch_logs,
    dynamodb,
    eventbridge,
    s3,
    sqs,
    stepfunctions,
)

from tools.localcloud.emulator.patches.replacing import Function, Instead, rely_on, replace

# Objects that are made before a collector looks for cycles among them. Python's 700 makes it look
# through the whole state of all services many times a second.
YOUNG_OBJECTS = 50_000

# An expression that names a field and does nothing with it.
PATH = re.compile(r"\$states((?:\.[A-Za-z]\w*)+)")

_parsing = threading.Lock()


def apply() -> None:
    """Apply the patches of this module."""
    parse_an_expression_once()
    follow_a_path_without_the_engine()
    keep_the_threads_of_tasks()
    parse_a_policy_once()
    name_a_caller_without_its_policies()
    digest_a_body_once()
    copy_an_object_by_a_link()
    copy_records_in_c()
    collect_garbage_seldom()


def parse_an_expression_once() -> None:
    """JSONata: 1.9 of the 2.5 ms that a task's expressions take is their parsing, and the parser's.

    A tree is not changed by its evaluation; the clock of the one-second limit is not part of it.
    """
    shared = jsonata.parser.Parser()
    shared.parse = _tree
    replace(jsonata.Jsonata, "get_parser", lambda _: lambda: shared, has="PARSER.parser = p")


@lru_cache(maxsize=1024)
def _tree(expression: str, regex_engine: Any) -> Any:
    with _parsing:
        return jsonata.parser.Parser().parse(expression, regex_engine)


def follow_a_path_without_the_engine() -> None:
    """JSONata: most expressions are a path, `$states.input.key`, for which an engine is made anew.

    The engine is asked where it has rules of its own: about lists, nulls and what is missing.
    """

    def evaluate(original: Function) -> Function:
        def follow(
            expression: str, raw_input: Any, ctx: Any = None, result: Any = None, error: Any = None
        ) -> Any:
            path = PATH.fullmatch(expression)
            if path:
                value: Any = {
                    "input": raw_input,
                    "result": result,
                    "errorOutput": error,
                    "context": ctx,
                }
                for name in path[1].split(".")[1:]:
                    value = value.get(name) if isinstance(value, dict) else None
                if isinstance(value, str | int | float | dict):
                    return value
            return original(expression, raw_input, ctx, result, error)

        return follow

    replace(stepfunctions, "_evaluate_jsonata", evaluate, has='"errorOutput": error_output,')


def keep_the_threads_of_tasks() -> None:
    """Step Functions: a task with a timeout runs in a pool of threads that is made for it alone."""
    pool = ThreadPoolExecutor(max_workers=1000)

    def invoke(_original: Function) -> Function:
        def timed(resource: str, input_data: Any, timeout: float) -> Any:
            run = copy_context().run
            future = pool.submit(run, stepfunctions._invoke_resource, resource, input_data)
            try:
                return future.result(timeout=timeout)
            except TimeoutError:
                raise stepfunctions._ExecutionError(
                    "States.Timeout", f"Task timed out after {timeout} seconds"
                ) from None

        return timed

    replace(stepfunctions, "_invoke_resource_with_timeout", invoke, has="pool.shutdown(wait=False)")


def parse_a_policy_once() -> None:
    """IAM: each request of a function parses every policy of its role, twice."""

    def parse(original: Function) -> Function:
        parsed = lru_cache(maxsize=256)(original)

        def known(document: Any) -> Any:
            return list(parsed(document)) if isinstance(document, str) else original(document)

        return known

    replace(iam_evaluator, "parse_policy_document", parse, has="json.loads(doc)")


def name_a_caller_without_its_policies() -> None:
    """IAM: a caller's ARN is in its credentials; ministack gathers all its policies to tell it."""

    def caller_arn(original: Function) -> Function:
        def named(headers: dict[str, str], query: dict[str, Any] | None = None) -> str:
            key = router.extract_access_key_id(headers or {}, query or {})
            found: Any = iam_evaluator.resolve_credential(key) if key else None
            if getattr(found, "principal_type", "") == "AssumedRole":
                return str(found.principal_arn)
            return str(original(headers, query))

        return named

    replace(iam_evaluator, "request_caller_arn", caller_arn, has="resolve_principal(access_key")


def digest_a_body_once() -> None:
    """S3: a put with a checksum is digested to verify it and once more to store it."""

    def compute(original: Function) -> Function:
        last: tuple[str, bytes, str | None] = ("", b"", None)

        def once(algorithm: str, body: bytes) -> str | None:
            nonlocal last
            before = last
            if before[0] == algorithm and before[1] is body:
                return before[2]
            digest: str | None = original(algorithm, body)
            if body:
                last = (algorithm, body, digest)
            return digest

        return once

    replace(s3, "_compute_s3_checksum", compute, has="hashlib.sha256(body)")


def copy_an_object_by_a_link() -> None:
    """S3: a copy is a second name of its source's file; to write a megabyte again takes 2 ms.

    ministack never changes a file: it puts another in its place. So the one that was read is still
    the same if it has the same inode.
    """
    # What was read last, and from where.
    last: tuple[bytes, str, int] = (b"", "", 0)

    def read(original: Function) -> Function:
        def remembered(bucket: str, key: str, record: dict[str, Any]) -> bytes:
            nonlocal last
            body: bytes = original(bucket, key, record)
            if body and record.get("body") is None:  # it is on the disk alone
                path = s3._object_disk_path(bucket, key)
                with suppress(OSError):
                    last = (body, path, Path(path).stat().st_ino)
            return body

        return remembered

    def write(original: Function) -> Function:
        def linked(path: str, data: Any, *, text: bool = False) -> None:
            body, source, inode = last
            partial = Path(path + ".tmp")
            if data is body:
                with suppress(OSError):
                    partial.unlink(missing_ok=True)
                    partial.hardlink_to(source)
                    if partial.stat().st_ino == inode:
                        partial.replace(path)
                        return
                # A link that stays would be written through.
                partial.unlink(missing_ok=True)
            original(path, data, text=text)

        return linked

    replace(s3, "_read_body", read, has='with open(fpath, "rb") as f:')
    replace(s3, "_atomic_write", write, has="os.replace(tmp, fpath)")


def copy_records_in_c() -> None:
    """`copy.deepcopy` copies in Python, pickle in C: a record takes a quarter of the time.

    Only services that store text: pickle would copy the megabytes of code and objects, too, which
    `deepcopy` shares.
    """

    def deepcopy(value: Any) -> Any:
        return pickle.loads(pickle.dumps(value, pickle.HIGHEST_PROTOCOL))  # noqa: S301 - ours

    for service in (
        cloudformation,
        cloudwatch_logs,
        dynamodb,
        eventbridge,
        sqs,
        stepfunctions,
    ):
        rely_on(service, "get_state", has="copy.deepcopy(")
        service.copy = Instead(copy, deepcopy=deepcopy)


def collect_garbage_seldom() -> None:
    """Leave what the modules have made out of every collection, and collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(YOUNG_OBJECTS, 20, 100)
