"""The message group of a task's order."""

import string

import pytest

from darkroom.tasks.model import message_group

ALLOWED = set(string.ascii_letters + string.digits + string.punctuation)


def test_single_tasks_and_batch_items_of_a_caller_are_two_groups() -> None:
    assert message_group({"owner": "k7f2"}) == "k7f2"
    assert message_group({"owner": "k7f2", "batchId": "7d1c", "batchIndex": 0}) == "k7f2/batch"


@pytest.mark.parametrize("owner", ["a", "Zoë & Söhne", "x" * 200, "ü" * 100, "a b\tc\n"])
@pytest.mark.parametrize("batch", [{}, {"batchId": "7d1c"}])
def test_a_group_has_only_what_sqs_allows(owner: str, batch: dict[str, str]) -> None:
    group = message_group({"owner": owner, **batch})

    assert 1 <= len(group) <= 128
    assert set(group) <= ALLOWED


def test_no_name_of_a_caller_leads_into_the_group_of_anothers_batches() -> None:
    assert message_group({"owner": "a/batch"}) != message_group({"owner": "a", "batchId": "b"})
