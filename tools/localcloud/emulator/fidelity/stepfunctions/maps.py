"""Step Functions: Distributed Maps in JSONata that batch their items.

Differences from AWS: docs/aws-differences.md, "Step Functions".
"""

import json
from collections.abc import Iterator
from typing import Any

from ministack.services import stepfunctions

from tools.localcloud.emulator.replacing import Function, replace

PAYLOAD_BYTES = 256 * 1024
# Fields that this module evaluates, so ministack must not see them.
DONE_HERE = ("ItemReader", "ItemSelector", "ItemBatcher")


def apply() -> None:
    """Apply the patches of this module."""
    read_and_batch_by_jsonata()
    start_no_child_of_a_stopped_execution()


def read_and_batch_by_jsonata() -> None:
    """Evaluate JSONata in a map's `ItemReader`, `ItemSelector`, `ItemBatcher`, `Output`, `Assign`.

    ministack treats these expressions as plain text and starts one child per item.
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemreader.html
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itemselector.html
    https://docs.aws.amazon.com/step-functions/latest/dg/input-output-itembatcher.html
    """

    def run(original: Function) -> Function:
        def batched(state: dict[str, Any], raw: Any, effective: Any, *rest: Any) -> Any:
            iterator, execution, context = rest
            language = stepfunctions._state_query_language(state, context)
            if language != "JSONata" or "ItemReader" not in state:
                return original(state, raw, effective, *rest)
            items = _items(state, raw, context)
            plain = {name: value for name, value in state.items() if name not in DONE_HERE}
            plain["ItemsPath"] = "$.items"
            results, following = original(
                plain, raw, {"items": items}, iterator, execution, context
            )
            output = stepfunctions._apply_jsonata_output(
                state, raw, context, result=results, default=results
            )
            stepfunctions._apply_state_assign(state, raw, context, result=results)
            return output, following

        return batched

    replace(stepfunctions, "_run_distributed_map", run, has='_read_map_items(state_def["ItemReader')


def start_no_child_of_a_stopped_execution() -> None:
    """After an execution was stopped, its Map Run starts no further child.

    https://docs.aws.amazon.com/step-functions/latest/apireference/API_StopExecution.html
    """

    def run(original: Function) -> Function:
        def unless_ended(states: Any, start: Any, given: Any, child: Any, context: Any) -> Any:
            map_run = stepfunctions._map_runs.get(child.get("mapRunArn", ""))
            parent = stepfunctions._executions.get((map_run or {}).get("executionArn", ""))
            if parent and parent["status"] != "RUNNING":
                raise stepfunctions._ExecutionError("States.Ended", "The execution has ended.")
            return original(states, start, given, child, context)

        return unless_ended

    replace(stepfunctions, "_run_sub_machine", run, has='"Map": _execute_map')


def _items(state: dict[str, Any], raw: Any, context: dict[str, Any]) -> list[Any]:
    """Return the input of each child: the items of the reader, selected and batched."""
    evaluate = stepfunctions._apply_jsonata_template
    reader = dict(state["ItemReader"])
    reader["Arguments"] = evaluate(reader.get("Arguments", {}), raw, context)
    try:
        items = stepfunctions._read_map_items(reader, raw, context)
    except ValueError as error:  # a line is not JSON, or the text is not UTF-8
        raise stepfunctions._ExecutionError("States.ItemReaderFailed", str(error)) from error
    if "ItemSelector" in state:
        items = [
            evaluate(
                state["ItemSelector"],
                raw,
                {**context, "Map": {"Item": {"Index": index, "Value": item}}},
            )
            for index, item in enumerate(items)
        ]
    if "ItemBatcher" not in state:
        return list(items)
    batcher = evaluate(state["ItemBatcher"], raw, context)
    shared = {name: batcher[name] for name in ("BatchInput",) if name in batcher}
    return [{"Items": batch, **shared} for batch in _batches(items, batcher)]


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
