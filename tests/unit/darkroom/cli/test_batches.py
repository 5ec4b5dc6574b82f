"""The list of batches."""

import json

from tests.support.fakes.api import Api, darkroom


def test_batches_has_a_line_for_each_batch_newest_first(api: Api) -> None:
    api.batches.start("b1", [{"imageUrl": "https://x/a.png"}] * 3, "holiday")
    api.batches.start("b2", [{"imageUrl": "https://x/a.png"}], None)
    api.batches.end("b1", "CANCELLED")

    _, newest, oldest = darkroom("batches").stdout.splitlines()

    assert newest.split()[:2] == ["b2", "RUNNING"]
    assert oldest.split()[:2] == ["b1", "CANCELLED"]
    assert oldest.split()[-2:] == ["3", "holiday"]


def test_batches_can_be_filtered_limited_and_read_by_a_script(api: Api) -> None:
    for number in range(3):
        api.batches.start(f"b{number}", [{"imageUrl": "https://x/a.png"}], None)
    api.batches.end("b0", "CANCELLED")

    def found(*options: str) -> list[str]:
        done = darkroom("batches", "--json", *options)
        return [json.loads(line)["batchId"] for line in done.stdout.splitlines()]

    assert found("--limit", "2") == ["b2", "b1"]
    assert found("--status", "CANCELLED") == ["b0"]
    assert darkroom("batches", "--status", "FAILED").stderr == "No batch matches.\n"
