"""Step Functions: Distributed Maps in JSONata, and the events of a Map Run.

Differences from AWS: docs/aws-differences.md, "Step Functions".
"""

import json
from collections.abc import Iterator
from typing import Any

from ministack.services import stepfunctions

from tools.localcloud.emulator.replacing import Function, replaces

PAYLOAD_BYTES = 256 * 1024
# Fields that this module evaluates, so ministack must not see them.
DONE_HERE = ("Items", "ItemReader", "ItemSelector", "ItemBatcher")


@replaces(stepfunctions, "_run_distributed_map", has='_read_map_items(state_def["ItemReader')
def read_and_batch_by_jsonata(
    original: Function, state: dict[str, Any], raw: Any, effective: Any, *rest: Any
) -> Any:
    """Evaluate JSONata in the fields of a Distributed Map: `Items`, `ItemReader` and all others.

    ministack treats these expressions as plain text and starts one child per item.
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemselector.html
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html
    """
    iterator, execution, context = rest
    language = stepfunctions._state_query_language(state, context)
    if language != "JSONata":
        return original(state, raw, effective, *rest)
    items = _children(state, raw, effective, context)
    plain = {name: value for name, value in state.items() if name not in DONE_HERE}
    plain["ItemsPath"] = "$.items"
    results, following = original(plain, raw, {"items": items}, iterator, execution, context)
    output = stepfunctions._apply_jsonata_output(
        state, raw, context, result=results, default=results
    )
    stepfunctions._apply_state_assign(state, raw, context, result=results)
    return output, following


@replaces(stepfunctions, "_run_distributed_map", has="_map_runs[map_run_arn] = run")
def record_the_map_run(original: Function, state: Any, raw: Any, effective: Any, *rest: Any) -> Any:
    """Record the events `MapState…` and `MapRun…` of a Distributed Map. ministack records none.

    The ARN of the Map Run is added when it has ended, because ministack creates it later.
    https://docs.aws.amazon.com/step-functions/latest/apireference/API_HistoryEvent.html
    """
    _, execution, context = rest
    add = stepfunctions._add_event
    length = 0 if "ItemReader" in state else len(_items(state, raw, effective, context))
    add(execution, "MapStateStarted", {"mapStateStartedEventDetails": {"length": length}})
    started = add(execution, "MapRunStarted", {"mapRunStartedEventDetails": {}})
    before = _map_runs_of(execution)
    try:
        answer = original(state, raw, effective, *rest)
    except stepfunctions._ExecutionError as error:
        failed = {"error": error.error, "cause": error.cause}
        add(execution, "MapRunFailed", {"mapRunFailedEventDetails": failed})
        add(execution, "MapStateFailed")
        raise
    finally:
        for arn in _map_runs_of(execution) - before:  # none, if the reader failed
            started["mapRunStartedEventDetails"]["mapRunArn"] = arn
    add(execution, "MapRunSucceeded")
    add(execution, "MapStateSucceeded")
    return answer


@replaces(stepfunctions, "_run_sub_machine", has='"Map": _execute_map')
def start_no_child_of_a_stopped_execution(
    original: Function, states: Any, start: Any, given: Any, *rest: Any
) -> Any:
    """After an execution was stopped, its Map Run starts no further child.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
    """
    child, _ = rest
    map_run = stepfunctions._map_runs.get(child.get("mapRunArn", ""))
    parent = stepfunctions._executions.get((map_run or {}).get("executionArn", ""))
    if parent and parent["status"] != "RUNNING":
        raise stepfunctions._ExecutionError("States.Ended", "The execution has ended.")
    return original(states, start, given, *rest)


def _map_runs_of(execution: dict[str, Any]) -> set[str]:
    of = execution["executionArn"]
    return {arn for arn, run in stepfunctions._map_runs.items() if run["executionArn"] == of}


def _children(state: dict[str, Any], raw: Any, effective: Any, context: Any) -> list[Any]:
    """Return the input of each child: the items, selected and batched."""
    items = _items(state, raw, effective, context)
    if "ItemSelector" in state:
        items = [
            _evaluated(state, "ItemSelector", raw, {**context, "Map": {"Item": item}})
            for item in ({"Index": index, "Value": value} for index, value in enumerate(items))
        ]
    if "ItemBatcher" not in state:
        return items
    batcher = _evaluated(state, "ItemBatcher", raw, context)
    shared = {name: batcher[name] for name in ("BatchInput",) if name in batcher}
    return [{"Items": batch, **shared} for batch in _batches(items, batcher)]


def _items(state: dict[str, Any], raw: Any, effective: Any, context: Any) -> list[Any]:
    """Return the items that a reader reads, an expression returns, or the input is."""
    if "ItemReader" in state:
        try:
            reader = _evaluated(state, "ItemReader", raw, context)
            items = stepfunctions._read_map_items(reader, raw, context)
        except ValueError as error:  # a line is not JSON, or the text is not UTF-8
            raise stepfunctions._ExecutionError("States.ItemReaderFailed", str(error)) from error
        except (TypeError, KeyError):  # the JSON is not a list, or has nothing at `ItemsPointer`
            items = None
        if not isinstance(items, list):
            message = "Attempting to map over non-iterable node."
            raise stepfunctions._ExecutionError("States.ItemReaderFailed", message)
        return items
    if "Items" in state:
        items = stepfunctions._jsonata_state_field(state, "Items", "array", raw, context)
    else:
        items = stepfunctions._resolve_path_or_ctx(state.get("ItemsPath", "$"), effective, context)
    return items if isinstance(items, list) else [items]


def _evaluated(state: dict[str, Any], field: str, raw: Any, context: Any) -> Any:
    """Return a field with its expressions evaluated, which are located by the field's name."""
    named = {field: state[field]}
    return stepfunctions._apply_jsonata_template(named, raw, context)[field]


def _batches(items: list[Any], batcher: dict[str, Any]) -> Iterator[list[Any]]:
    """Yield the items of each child, as many as both limits allow and at least one."""
    most = int(batcher.get("MaxItemsPerBatch", len(items) or 1))
    left = most_bytes = int(batcher.get("MaxInputBytesPerBatch", PAYLOAD_BYTES))
    batch: list[Any] = []
    for item in items:
        size = len(json.dumps(item).encode()) + 1
        if batch and (len(batch) == most or size > left):
            yield batch
            batch, left = [], most_bytes
        batch.append(item)
        left -= size
    if batch:
        yield batch
