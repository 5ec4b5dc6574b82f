"""Lambda: event sources that read the stream of a table.

Differences from AWS: docs/aws-differences.md, "Lambda".
"""

from typing import Any

from ministack.services import lambda_svc

from tools.localcloud.emulator.replacing import Function, replaces


@replaces(lambda_svc, "_restore_state", has="_restore_esm_positions(_dynamodb_stream_positions")
def read_a_stream_from_its_start_after_a_restart(original: Function, data: Any) -> None:
    """An event source reads every change of a table.

    ministack forgets the changes in a stream when it restarts, but not how many of them an event
    source had read. It would skip as many new ones.
    https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html
    """
    original(data)
    lambda_svc._dynamodb_stream_positions._data.clear()
