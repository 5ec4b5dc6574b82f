"""The metric math that the local cloud supports."""

import pytest

from tools.localcloud.emulator.metric_math import Value, evaluate

RATE = "IF(done + failed >= 10, 100 * failed / (done + failed), 0)"


@pytest.mark.parametrize(
    ("expression", "values", "result"),
    [
        ("a + 2 * b - 1", {"a": 1, "b": 3}, 6),
        (RATE, {"done": 9, "failed": 3}, 25),
        (RATE, {"done": 1, "failed": 3}, 0),
        (RATE, {"done": None, "failed": 3}, None),
        ("a / b", {"a": 1, "b": 0}, None),
        ("SUM(METRICS())", {"a": 1, "b": None, "c": 2}, 3),
        ("SUM(METRICS())", {"a": None}, None),
        ("SUM(FILL(METRICS(), 0))", {"a": None, "b": None}, 0),
        ("FILL(a, 7) + 1", {"a": None}, 8),
    ],
)
def test_an_expression_has_its_value(
    expression: str, values: dict[str, Value], result: Value
) -> None:
    assert evaluate(expression, values) == result


@pytest.mark.parametrize("expression", ["METRICS()", "METRICS() + 1", "RATE(a)", "a ** 2", "x"])
def test_an_unknown_value_is_an_error_and_not_a_guess(expression: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        evaluate(expression, {"a": 1, "b": 2})
