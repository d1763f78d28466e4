"""Index expressions: integer expressions over a kernel's parameters, evaluated without running any code."""

from __future__ import annotations

import ast
from collections.abc import Callable, Mapping
from functools import lru_cache

from tilewright.source import syntax

_BINARY: dict[type[ast.operator], Callable[[int, int], int]] = {
    ast.Add: lambda left, right: left + right,
    ast.Sub: lambda left, right: left - right,
    ast.Mult: lambda left, right: left * right,
    ast.FloorDiv: lambda left, right: left // right,
    ast.Mod: lambda left, right: left % right,
}
_CALLS: dict[str, Callable[..., int]] = {"min": min, "max": max}


def evaluate(expression: str, values: Mapping[str, int]) -> int:
    """Return the value of an IndexExpression.

    Only ``+ - * // %``, ``min``, ``max``, whole numbers and names are understood.

    Raises:
        ValueError: The text is no such expression, a name has no value, or it divides by zero.
    """
    try:
        return _value(_tree(expression), values)
    except (SyntaxError, ZeroDivisionError, RecursionError) as error:
        raise ValueError(f"{expression!r} has no value: {error}") from error


@lru_cache(maxsize=4096)
def _tree(expression: str) -> ast.expr:
    """A search evaluates the same few strides for thousands of schedules."""
    return syntax.parse_expression(expression)


def names(expression: str) -> frozenset[str]:
    """Return the names that an IndexExpression needs values for.

    Raises:
        ValueError: The text is no expression.
    """
    try:
        tree = _tree(expression)
    except (SyntaxError, RecursionError) as error:
        raise ValueError(f"{expression!r} is no index expression: {error}") from error
    return frozenset(node.id for node in ast.walk(tree) if isinstance(node, ast.Name)) - _CALLS.keys()


def _value(node: ast.expr, values: Mapping[str, int]) -> int:
    match node:
        case ast.Constant(value=int() as number) if not isinstance(number, bool):
            return number
        case ast.Name(id=name):
            if name not in values:
                raise ValueError(f"{name!r} has no value")
            return int(values[name])
        case ast.UnaryOp(op=ast.USub(), operand=operand):
            return -_value(operand, values)
        case ast.BinOp(left=left, op=op, right=right) if type(op) in _BINARY:
            return _BINARY[type(op)](_value(left, values), _value(right, values))
        case ast.Call(func=ast.Name(id=name), args=[_, _, *_] as arguments, keywords=[]) if name in _CALLS:
            return _CALLS[name](*(_value(argument, values) for argument in arguments))
    raise ValueError(f"{ast.unparse(node)!r} is not allowed in an index expression")
