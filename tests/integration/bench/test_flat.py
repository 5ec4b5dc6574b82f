"""`make flat` runs: a task of a larger table makes the same calls. A test does not check how
fast."""

import pytest

from tools.bench.flat import measure, table

pytestmark = pytest.mark.timeout(1200)


def test_a_task_makes_the_same_calls_and_repairs_read_the_same_in_a_larger_table():
    small, large = measure((5, 15))

    assert (small.tasks, large.tasks) == (5, 10)
    # Completions are published a moment later, several at a time.
    assert large.calls / large.tasks == pytest.approx(small.calls / small.tasks, abs=1)
    # Half a unit for each of the eight shards of the index of active items, for tasks and for
    # batches.
    assert small.repair_reads == large.repair_reads == 8
    assert small.list_reads <= large.list_reads <= 2.5
    assert [row[0] for row in table([small, large]).rows] == ["5", "15"]
