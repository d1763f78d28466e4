"""Operations on pointers and tiles: addresses, loads, stores, views, products."""

from __future__ import annotations

import re
from dataclasses import replace

from tilewright.families.ttir import polynomial as p
from tilewright.families.ttir.parser import Operation
from tilewright.families.ttir.peeled import with_last
from tilewright.families.ttir.state import DeclinedError, State, as_node
from tilewright.families.ttir.values import (
    Blank,
    Condition,
    Data,
    Literal,
    Load,
    Node,
    Pointer,
    Product,
    Store,
    Value,
    View,
    lane,
)


def add_pointer(state: State, operation: Operation) -> None:
    """``tt.addptr``."""
    base = state.get(operation.operands[0])
    if not isinstance(base, Pointer):
        raise DeclinedError("adds to a pointer that it loaded or chose")
    offset = state.integer(operation.operands[1])
    state.set(operation, replace(base, offset=base.offset + offset))


def load(state: State, operation: Operation) -> None:
    """``tt.load`` and ``tt.descriptor_load``."""
    source = state.get(operation.operands[0])
    kind = operation.result_type
    if isinstance(source, View):
        pointer, conditions = _addressed(state, source, operation, operation.operands[1:], kind.shape)
        node: Node = Load(pointer.parameter, pointer.offset, conditions, True, pointer.dtype)
        state.set(operation, Data(pointer.shape, pointer.dtype, node))
        return
    if not isinstance(source, Pointer):
        raise DeclinedError("loads through a pointer that it loaded or chose")
    mask = state.mask(operation.operands[1]).conditions if len(operation.operands) > 1 else ()
    filled = len(operation.operands) <= 2 or _is_zero(state.node(operation.operands[2]))
    node = Load(source.parameter, source.offset, mask, filled, source.dtype)
    state.set(operation, Data(kind.shape, source.dtype, node))


def store(state: State, operation: Operation) -> None:
    """``tt.store`` and ``tt.descriptor_store``."""
    target = state.get(operation.operands[0])
    if isinstance(target, View):
        descriptor = operation.name == "tt.descriptor_store"
        value = state.get(operation.operands[-1])
        indices = operation.operands[1:-1] if descriptor else ()
        pointer, conditions = _addressed(state, target, operation, indices, value.shape)
    elif isinstance(target, Pointer):
        pointer, value = target, state.get(operation.operands[1])
        conditions = state.mask(operation.operands[2]).conditions if len(operation.operands) > 2 else ()
    else:
        raise DeclinedError("stores through a pointer that it loaded or chose")
    _store(state, pointer, value, conditions, atomic=False)


def atomic(state: State, operation: Operation) -> None:
    """``tt.atomic_rmw``: an addition is followed where its result is not used."""
    kind = operation.text.split(",")[0].strip()
    pointer, value = (state.get(name) for name in operation.operands[:2])
    if kind not in ("fadd", "add") or not isinstance(pointer, Pointer):
        raise DeclinedError(f"uses an atomic {kind}")
    conditions = state.mask(operation.operands[2]).conditions if len(operation.operands) > 2 else ()
    _store(state, pointer, value, conditions, atomic=True)
    state.set(operation, Data(value.shape, "unknown", Blank("uses what an atomic addition returns")))


def _store(state: State, pointer: Pointer, value: Value, conditions: tuple[Condition, ...], *, atomic: bool) -> None:
    state.stores.append(
        Store(pointer, as_node(value), pointer.dtype, conditions, tuple(state.guards), tuple(state.loops), atomic)
    )


def _addressed(
    state: State, view: View, operation: Operation, indices: tuple[str, ...], shape: tuple[int, ...]
) -> tuple[Pointer, tuple[Condition, ...]]:
    """The addresses of a view's tile and where they lie inside; axes of length 1 may be left out of ``shape``."""
    lanes = _lanes(view.shape, shape)
    descriptor = operation.name.startswith("tt.descriptor")
    offsets = tuple(state.integer(name) for name in indices) if descriptor else view.offsets
    checked = range(len(view.shape)) if descriptor else operation.integers("boundaryCheck")
    total, conditions = p.number(0), []
    for axis, (offset, stride) in enumerate(zip(offsets, view.strides, strict=True)):
        place = offset + lane(lanes[axis]) if axis in lanes else offset
        total = total + place * stride
        if axis in checked:
            conditions.append(Condition(place, view.extents[axis]))
    return Pointer(shape, view.parameter, total, view.dtype), tuple(conditions)


def _lanes(whole: tuple[int, ...], shape: tuple[int, ...]) -> dict[int, int]:
    """Where each axis longer than 1 is in a tile of the same elements."""
    left, right = ([axis for axis, size in enumerate(sizes) if size != 1] for sizes in (whole, shape))
    if [whole[axis] for axis in left] != [shape[axis] for axis in right]:
        raise DeclinedError("moves a tile through a descriptor of another shape")
    return dict(zip(left, right, strict=True))


def make_view(state: State, operation: Operation) -> None:
    """``tt.make_tensor_ptr`` and ``tt.make_tensor_descriptor``."""
    base = state.get(operation.operands[0])
    found = re.search(r"<(?:tensor<)?((?:\d+x)+)", operation.types)
    if not isinstance(base, Pointer) or base.offset.terms or found is None:
        raise DeclinedError("makes a tensor descriptor of a pointer that is no parameter")
    shape = tuple(int(size) for size in found.group(1).split("x")[:-1])
    groups = [re.findall(r"%[\w$.\-]+(?:#\d+)?", group) for group in re.findall(r"\[(.*?)\]", operation.text)]
    extents, strides, *rest = (tuple(state.integer(name) for name in group) for group in groups)
    state.set(operation, View(shape, base.parameter, extents, strides, rest[0] if rest else (), base.dtype))


def advance(state: State, operation: Operation) -> None:
    """``tt.advance``."""
    view = state.get(operation.operands[0])
    if not isinstance(view, View):
        raise DeclinedError("advances what is no block pointer")
    deltas = (state.integer(name) for name in operation.operands[1:])
    state.set(operation, replace(view, offsets=tuple(o + d for o, d in zip(view.offsets, deltas, strict=True))))


def dot(state: State, operation: Operation) -> None:
    """``tt.dot``."""
    left, right = (state.get(name) for name in operation.operands[:2])
    if len(left.shape) != 2:
        raise DeclinedError("multiplies three-dimensional tiles")
    found = re.search(r"inputPrecision = (\w+)", operation.text)
    kind = operation.result_type
    node = Product(
        operation.results[0], as_node(left), as_node(right), state.node(operation.operands[2]),
        found.group(1) if found else "ieee", kind.element, (*kind.shape, left.shape[1]), (0, 1),
    )  # fmt: skip
    state.set(operation, Data(kind.shape, kind.element, with_last(node)))


def _is_zero(node: Node) -> bool:
    return isinstance(node, Literal) and node.value == 0
