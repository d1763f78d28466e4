"""Turns the data graph between the finished sum and a store into an Expression."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from tilewright.families.ttir.arithmetic import BY_PLACE
from tilewright.families.ttir.state import DeclinedError
from tilewright.families.ttir.values import (
    Blank,
    Carried,
    Condition,
    Literal,
    Load,
    Node,
    Operator,
    Part,
    Place,
    Product,
    Reduced,
    Scalar,
)
from tilewright.records.algorithm import (
    OPERATIONS,
    Accumulated,
    Apply,
    Constant,
    Expression,
    Loaded,
    Operand,
    Parameter,
    Reduce,
)

_LIMIT = 400


Lanes = Mapping[str, int]
"""Where m and n lie in a tile, or one of them in a vector."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tile:
    """The tile of a product, and what has to be known of its axes to read an epilogue."""

    lanes: Lanes
    operand_of: Callable[[Load, Lanes], Operand]
    """Describes a tensor that is read."""
    ends: Callable[[Condition, Lanes], bool]
    """Whether a condition is the end of an axis."""


def expression(node: Node, tile: Tile, lanes: Lanes) -> Expression:
    """Return the Expression of a stored value that lies along ``lanes``.

    A choice by the end of an axis is left out: beyond it nothing is stored, and a reduction ends there.

    Raises:
        DeclinedError: The graph holds what no epilogue holds, or is very large.
    """
    budget = [_LIMIT]

    def convert(part: Node, lanes: Lanes = lanes) -> Expression:
        budget[0] -= 1
        if budget[0] < 0:
            raise DeclinedError("computes too much after the product")
        match part:
            case Product():
                total = Accumulated(dtype=part.dtype)
                if isinstance(part.base, Literal) and part.base.value == 0:
                    return total
                return Apply(operation="add", arguments=(total, convert(part.base, lanes)), dtype=part.dtype)
            case Load():
                return Loaded(operand=tile.operand_of(part, lanes))
            case Literal():
                return Constant(value=part.value, dtype=part.dtype)
            case Scalar():
                return Parameter(name=part.name, dtype=part.dtype)
            case Operator(operation="where", arguments=(Place(conditions=conditions), value, Literal())) if all(
                tile.ends(condition, lanes) for condition in conditions
            ):
                return convert(value, lanes)
            case Operator() if part.operation in OPERATIONS:
                arguments = tuple(convert(argument, lanes) for argument in part.arguments)
                return Apply(operation=part.operation, arguments=arguments, dtype=part.dtype)
            case Reduced():
                axis, other = sorted(tile.lanes, key=lambda name: tile.lanes[name] != part.axis)
                if lanes.get(other) != part.kept:
                    raise DeclinedError(f"puts a reduction along {axis} to use along another axis than {other}")
                return Reduce(
                    operation=part.operation, axis=axis, value=convert(part.value, tile.lanes), dtype=part.dtype
                )
            case Blank():
                raise DeclinedError(part.reason)
            case Place():
                raise DeclinedError(BY_PLACE)
            case Part():
                raise DeclinedError("computes with part of a tile after the product")
            case Carried():
                raise DeclinedError("stores a sum before it is finished")
        raise DeclinedError(f"computes {part} after the product")

    return convert(node)


def placed(node: Node) -> tuple[Node, tuple[Condition, ...]]:
    """Split ``where(place, value, 0)``, cast or not, into the value and the conditions on the place."""
    match node:
        case Operator(operation="where", arguments=(Place(conditions=conditions), value, Literal(value=0))):
            return value, conditions
        case Operator(operation="cast", arguments=(inner,)):
            value, conditions = placed(inner)
            return (Operator("cast", (value,), node.dtype), conditions) if conditions else (node, ())
    return node, ()


def is_linear(value: Expression) -> bool:
    """Say whether storing partial sums one by one adds up to storing the whole sum."""
    match value:
        case Accumulated():
            return True
        case Apply(operation="cast", arguments=(inner,)):
            return is_linear(inner)
        case Apply(operation="mul", arguments=(left, right)):
            return is_linear(left) != is_linear(right) and _free(left) != _free(right)
    return False


def _free(value: Expression) -> bool:
    """Whether the sum does not occur."""
    match value:
        case Accumulated():
            return False
        case Apply(arguments=arguments):
            return all(map(_free, arguments))
    return True
