"""The part of CloudWatch's metric math that our alarms use.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/using-metric-math.html

These expressions are valid Python, so Python's parser reads them. Each period is evaluated on its
own. An operation on a missing value gives a missing value.
"""

import ast
import operator
from collections.abc import Callable, Mapping
from functools import lru_cache

Value = float | None

OPERATORS: Mapping[type[ast.AST], Callable[[float, float], float]] = {
    ast.Add: operator.add,
    ast.Sub: operator.sub,
    ast.Mult: operator.mul,
    ast.Div: operator.truediv,
    ast.Gt: operator.gt,
    ast.GtE: operator.ge,
    ast.Lt: operator.lt,
    ast.LtE: operator.le,
}


def evaluate(expression: str, values: Mapping[str, Value]) -> Value:
    """Return the value of an expression in one period.

    Args:
        expression: with `+ - * /`, comparisons, `IF(condition, value, otherwise)`,
            `FILL(values, number)`, `SUM(values)` and `METRICS()`.
        values: of each metric by its `Id`, in that period; None where it is missing.

    Raises:
        ValueError: the expression contains anything else.
    """
    result = _value(_parsed(expression), values)
    if isinstance(result, list):
        raise ValueError(f"An alarm needs a single value, not several: {expression}")  # noqa: TRY004
    return result


@lru_cache(maxsize=64)
def _parsed(expression: str) -> ast.expr:
    return ast.parse(expression, mode="eval").body


def _value(node: ast.expr, values: Mapping[str, Value]) -> Value | list[Value]:
    match node:
        case ast.Constant(value=int() | float() as number):
            return float(number)
        case ast.Name(id=name) if name in values:
            return values[name]
        case ast.BinOp(left=left, op=sign, right=right) if type(sign) in OPERATORS:
            return _both(sign, _value(left, values), _value(right, values))
        case ast.Compare(left=left, ops=[sign], comparators=[right]) if type(sign) in OPERATORS:
            return _both(sign, _value(left, values), _value(right, values))
        case ast.Call(func=ast.Name(id=name), args=arguments):
            return _call(name, arguments, values)
    raise ValueError(f"The local cloud does not support this metric math: {ast.unparse(node)}")


def _call(name: str, arguments: list[ast.expr], values: Mapping[str, Value]) -> Value | list[Value]:
    if name == "METRICS":
        return list(values.values())
    first, *rest = (_value(argument, values) for argument in arguments)
    found = first if isinstance(first, list) else [first]
    match name, rest:
        case "FILL", [float() as number]:
            filled: list[Value] = [number if value is None else value for value in found]
            return filled if isinstance(first, list) else filled[0]
        case "SUM", []:
            there = [value for value in found if value is not None]
            return sum(there) if there else None
        case "IF", [then, otherwise]:
            return None if first is None else then if first else otherwise
    raise ValueError(f"The local cloud does not support this metric math: {name}")


def _both(sign: ast.AST, left: Value | list[Value], right: Value | list[Value]) -> Value:
    if isinstance(left, list) or isinstance(right, list):
        raise ValueError("The local cloud does not support arithmetic on several values at once.")  # noqa: TRY004
    if left is None or right is None or (isinstance(sign, ast.Div) and right == 0):
        return None
    return float(OPERATORS[type(sign)](left, right))
