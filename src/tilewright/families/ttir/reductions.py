"""``tt.reduce`` of a tile along one of its two axes: a sum, a largest or a least element."""

from __future__ import annotations

from tilewright.families.ttir.operations import FLOATING
from tilewright.families.ttir.parser import Operation
from tilewright.families.ttir.state import State
from tilewright.families.ttir.values import Blank, Data, Node, Reduced, Value

_COMBINED = {"add": "sum", "max": "max", "min": "min"}
"""What is reduced by an operation of two elements; ``tl.max`` and ``tl.min`` of floats drop NaN."""


def reduce(state: State, operation: Operation) -> None:
    """``tt.reduce``; of several tensors at once, or by anything but these operations, it is not followed."""
    kind, axis = operation.result_type, operation.integer("axis")
    for result in operation.results:
        state.values[result] = Data(kind.shape, kind.element, Blank("reduces a tile to a vector or a number"))
    if len(operation.operands) != 1 or axis is None:
        return
    node = _reduced(state.get(operation.operands[0]), axis, _combined(operation))
    if node is not None:
        state.set(operation, Data(kind.shape, kind.element, node))


def _reduced(value: Value, axis: int, word: str | None) -> Node | None:
    if word is None or not isinstance(value, Data) or len(value.shape) != 2:
        return None
    if isinstance(value.node, Blank):
        return value.node
    return Reduced(word, value.node, axis, 0, value.dtype)


def _combined(operation: Operation) -> str | None:
    """What a region of one operation on both of its arguments amounts to."""
    blocks = operation.regions[0] if operation.regions else ()
    if len(blocks) != 1 or len(blocks[0].operations) != 2:
        return None
    first, last = blocks[0].operations
    whole = last.name == "tt.reduce.return" and last.operands == first.results
    if not whole or set(first.operands) != set(blocks[0].arguments):
        return None
    return _COMBINED.get(FLOATING.get(first.name, ""))
