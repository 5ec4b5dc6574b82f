"""Every row and every test of an action says once where its expected values are from."""

import inspect
import re
from collections import Counter

from tests.conformance import test_actions, test_express
from tests.conformance.rows import Anything, Json, Text, load
from tests.support.project import PROJECT

ROWS = load()
# A row that docs/aws-differences.md names in quotation marks.
NAMED = re.compile(r'"([^"|]+)"')
RECORDING = re.compile(r"20\d\d-\d\d-\d\d (stepfunctions/v2|lambda_)/[\w/]+\.py(::\w+){2}(\[.+\])?")
PAGE = re.compile(r"https://docs\.aws\.amazon\.com/\S+\.html")


def test_a_row_names_one_source():
    assert [
        row.name
        for row in ROWS
        if len([source for source in (row.recorded, row.inferred, row.documented) if source]) != 1
    ] == []
    assert [
        row.name
        for row in ROWS
        if not (PAGE if row.documented else RECORDING).fullmatch(row.source)
    ] == []


def test_a_test_of_an_action_names_its_source():
    modules = (test_actions, test_express)
    tests = [each for module in modules for each in inspect.getmembers(module, inspect.isfunction)]
    sources = {name: test.source for name, test in tests if name.startswith("test_")}

    assert [
        name
        for name, source in sources.items()
        if not RECORDING.fullmatch(source) and not PAGE.fullmatch(source)
    ] == []


def test_at_least_45_rows_are_recorded_or_inferred_and_each_has_a_unique_name():
    names = Counter(row.name for row in ROWS)

    assert len([row for row in ROWS if not row.documented]) >= 45
    assert [name for name, count in names.items() if count > 1] == []


def test_a_missing_text_fails_the_expectation():
    assert Anything() == {"any": "value"}
    assert Text("^Function not found: ") == "Function not found: f"
    assert Text("^Function not found: ") != "Not found"
    assert Json({"errorType": "A", "trace": Anything()}) == '{"errorType": "A", "trace": []}'
    assert Json({"errorType": "A"}) != '{"errorType": "B"}'
    assert Json({"errorType": "A"}) != '{"errorType": "A", "more": 1}'
    assert Json({"errorType": "A"}) != "no JSON"


def test_a_known_difference_belongs_to_something_that_is_compared():
    assert [
        row.name for row in ROWS for aspect in row.differs if not getattr(row, aspect, None)
    ] == []


def test_the_page_of_differences_names_rows_that_exist_and_every_known_difference():
    page = (PROJECT / "docs" / "aws-differences.md").read_text()
    named = {
        name
        for line in page.splitlines()
        if "tests/conformance/" in line and line.startswith("|")
        for name in NAMED.findall(line.rpartition(" | ")[2])
    }

    assert sorted(named - {row.name for row in ROWS}) == []
    assert sorted({row.name for row in ROWS if row.differs} - named) == []
