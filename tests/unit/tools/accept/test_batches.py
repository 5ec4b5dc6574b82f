"""A batch that has ended must be in the list."""

from types import SimpleNamespace
from typing import Any

import pytest

from tools.accept import batches
from tools.accept.report import Broken


def listing(subject: Any, monkeypatch: pytest.MonkeyPatch, *pages: list[str]) -> None:
    """Let `GET /batches` answer with these ids, page after page, and then always with the last
    one."""
    left = [*pages]

    def request(_method: str, _path: str, **_options: Any) -> Any:
        ids = left.pop(0) if len(left) > 1 else left[0]
        return SimpleNamespace(json=lambda: {"batches": [{"batchId": one} for one in ids]})

    monkeypatch.setattr(subject, "request", request)


def test_a_batch_that_the_index_has_a_moment_later_is_found(make_subject, monkeypatch):
    subject = make_subject()
    listing(subject, monkeypatch, [], ["other", "mine"])
    batches._require_listed(subject, "mine")


def test_a_batch_that_no_list_contains_fails_the_check(make_subject, monkeypatch):
    subject = make_subject()
    listing(subject, monkeypatch, ["other"])
    monkeypatch.setattr(batches, "INDEX_SECONDS", 0.0)
    with pytest.raises(Broken, match="1 others"):
        batches._require_listed(subject, "mine")
