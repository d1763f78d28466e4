"""``tt.reshape`` and ``tt.split``: the same elements in another shape, and a tile in two halves."""

from __future__ import annotations

from dataclasses import replace

from tilewright.families.ttir.parser import Operation
from tilewright.families.ttir.state import State
from tilewright.families.ttir.values import Blank, Data, Node, Part, Value, move_lanes


def reshape(state: State, operation: Operation) -> None:
    """``tt.reshape`` that only adds or drops axes of length 1, or cuts one axis of data into two halves."""
    value, kind = state.get(operation.operands[0]), operation.result_type
    if [size for size in value.shape if size != 1] != [size for size in kind.shape if size != 1]:
        state.set(operation, Data(kind.shape, kind.element, _cut(value, kind.shape) or Blank("reshapes a tile")))
        return
    new = (axis for axis, size in enumerate(kind.shape) if size != 1)
    places = {axis: next(new) for axis, size in enumerate(value.shape) if size != 1}
    state.set(operation, move_lanes(value, places, kind.shape))


def _cut(value: Value, shape: tuple[int, ...]) -> Node | None:
    """The halves of a tile along one axis, if that is what the shape makes of it."""
    ways = [
        axis
        for axis, size in enumerate(value.shape)
        if size % 2 == 0 and shape == (*value.shape[:axis], 2, size // 2, *value.shape[axis + 1 :])
    ]
    if len(ways) != 1 or not isinstance(value, Data):
        return None
    (axis,) = ways
    lanes = tuple(old + (old >= axis) for old in range(len(value.shape)))
    node, width = value.node, value.shape[axis] // 2
    if not isinstance(node, Part):
        return Part(node, axis, 0, width, lanes, piece=axis)
    return replace(node, width=width, lanes=lanes, piece=axis) if node.axis == axis and node.in_place else None


def split(state: State, operation: Operation) -> None:
    """``tt.split``: both elements along the last axis."""
    value, kind = state.get(operation.operands[0]), operation.result_type
    node = value.node if isinstance(value, Data) else None
    for number, result in enumerate(operation.results):
        half: Node = Blank(f"uses {operation.name}")
        if isinstance(node, Part) and node.piece == len(kind.shape):
            half = replace(node, start=node.start + number * node.width, piece=None)
        state.values[result] = Data(kind.shape, kind.element, half)
