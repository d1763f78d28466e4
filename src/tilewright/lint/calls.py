"""What the functions of ``triton.language`` give: dtype and shape of the result."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import libcst as cst

from tilewright.lint.events import Cast, Created, Dot, Event, Load, Range, Reduction
from tilewright.lint.model import FileModel
from tilewright.lint.tile import (
    NOTHING,
    Dim,
    Tile,
    as_dtype,
    broadcast,
    constant_tile,
    converted,
    elementwise,
    promoted,
)
from tilewright.lint.tree import UNKNOWN, argument, dotted, elements
from tilewright.lint.values import next_power_of_2

_ELEMENTWISE = frozenset(
    {"exp", "exp2", "log", "log2", "sqrt", "rsqrt", "sigmoid", "sin", "cos", "erf", "abs", "floor", "ceil", "softmax"}
    | {"sqrt_rn", "clamp"}
)
_SAME = frozenset({"multiple_of", "max_contiguous", "max_constancy"})
_REDUCTIONS = frozenset({"sum", "max", "min", "argmax", "argmin", "xor_sum"})


class CallContext(ABC):
    """What the functions below need from the walk they are part of."""

    file: FileModel

    @abstractmethod
    def note(self, event: Event) -> None:
        """Add an event to the trace."""

    @abstractmethod
    def inlined(self, name: str, positional: tuple[Tile, ...], named: Mapping[str, Tile]) -> Tile:
        """Return what a jitted helper gives for these arguments."""


@dataclass(frozen=True, slots=True)
class _Call:
    """One call with its arguments evaluated."""

    context: CallContext
    node: cst.Call
    positional: tuple[Tile, ...]
    named: Mapping[str, Tile]

    def get(self, index: int, name: str) -> Tile | None:
        """Return the argument at ``index`` or under ``name``."""
        return self.named.get(name, self.positional[index] if index < len(self.positional) else None)

    def shape(self, index: int, name: str) -> tuple[Dim, ...] | None:
        """Return a shape argument: numbers where they are known, else the text."""
        given, node = self.get(index, name), argument(self.node, index, name)
        parts = elements(node) if node is not None else None
        if given is None or not given.items or parts is None:
            return None
        return tuple(
            item.constant if isinstance(item.constant, int) else self.context.file.tree.code(part)
            for item, part in zip(given.items, parts, strict=True)
        )


def called(
    context: CallContext,
    node: cst.Call,
    positional: tuple[Tile, ...],
    named: Mapping[str, Tile],
    base: Tile | None = None,
) -> Tile:
    """Return the result of a call in a kernel."""
    call = _Call(context, node, positional, named)
    name = context.file.tl_name(node)
    if name:
        if name in _REDUCTIONS:
            return _reduction(call, name)
        if name in _ELEMENTWISE:
            first = positional[0] if positional else NOTHING
            return Tile(dtype=first.dtype, shape=first.shape, narrowed=first.narrowed, holes=first.holes)
        if name in _SAME and positional:
            return positional[0]
        return _FUNCTIONS[name](call) if name in _FUNCTIONS else NOTHING
    if dotted(node.func) in context.file.kernels:
        return context.inlined(dotted(node.func), positional, named)
    if dotted(node.func) in ("min", "max") and len(positional) == 2:
        known = [item.constant for item in positional if isinstance(item.constant, int)]
        return constant_tile({"min": min, "max": max}[dotted(node.func)](known)) if len(known) == 2 else NOTHING
    if context.file.resolve(node.func) == "triton.next_power_of_2" and positional:
        return constant_tile(next_power_of_2(positional[0].constant))
    if isinstance(node.func, cst.Attribute) and base is not None:
        return _method(call, node.func.attr.value, base)
    return NOTHING


def _method(call: _Call, name: str, base: Tile) -> Tile:
    if name == "to":
        return _convert(call, base, as_dtype(call.get(0, "dtype")))
    as_function = _Call(call.context, call.node, (base, *call.positional), call.named)
    if name in _REDUCTIONS:
        return _reduction(as_function, name)
    if name == "trans":
        return _transposed(as_function)
    return Tile(shape=base.shape) if name in _ELEMENTWISE else NOTHING


def _convert(call: _Call, source: Tile, target: str | None) -> Tile:
    if target is not None:
        call.context.note(Cast(call.node, source, target))
    written = any(call.context.file.tl_name(item.value) == "float32" for item in call.node.args)
    return converted(source, target, call.node, written=written)


def _cast(call: _Call) -> Tile:
    return _convert(call, call.get(0, "input") or NOTHING, as_dtype(call.get(1, "dtype")))


def _filled(call: _Call, dtype_index: int) -> Tile:
    shape = call.shape(0, "shape")
    if shape is not None:
        call.context.note(Created(call.node, shape))
    return Tile(dtype=as_dtype(call.get(dtype_index, "dtype")), shape=shape)


def _arange(call: _Call) -> Tile:
    start, end = call.get(0, "start") or NOTHING, call.get(1, "end") or NOTHING
    call.context.note(Range(call.node, start.constant, end.constant))
    dim: Dim = "?"
    if isinstance(start.constant, int):
        text = argument(call.node, 1, "end")
        known = end.constant - start.constant if isinstance(end.constant, int) else None
        dim = known if known is not None else call.context.file.tree.code(text) if text is not None else "?"
    call.context.note(Created(call.node, (dim,)))
    return Tile(dtype="i32", shape=(dim,))


def _load(call: _Call) -> Tile:
    pointer, mask, other = call.get(0, "pointer") or NOTHING, call.get(1, "mask"), call.get(2, "other")
    shape = pointer.shape if mask is None or mask.constant is None else broadcast(pointer.shape, mask.shape)
    holes: frozenset[tuple[cst.Call, frozenset[int]]] = frozenset()
    absent = other is None or other.constant is None
    if mask is not None and absent and mask.shape and shape is not None and len(mask.shape) == len(shape):
        axes = frozenset(axis for axis, dim in enumerate(mask.shape) if dim != 1)
        holes = frozenset({(call.node, axes)})
    result = Tile(dtype=pointer.dtype if pointer.pointer else None, shape=shape, loaded=True, holes=holes)
    call.context.note(Load(call.node, result))
    return result


def _where(call: _Call) -> Tile:
    condition, left, right = (call.get(index, name) or NOTHING for index, name in enumerate(("condition", "x", "y")))
    result = elementwise(left, right, promoted(left, right, division=False))
    return replace(result, shape=broadcast(condition.shape, result.shape), holes=frozenset())


def _two(call: _Call) -> Tile:
    left, right = call.get(0, "x") or NOTHING, call.get(1, "y") or NOTHING
    return elementwise(left, right, promoted(left, right, division=False))


def _transposed(call: _Call) -> Tile:
    source = call.get(0, "input") or NOTHING
    if source.shape is None or len(source.shape) != 2 or len(call.positional) > 1:
        return Tile(dtype=source.dtype, loaded=source.loaded, narrowed=source.narrowed)
    holes = frozenset((node, frozenset(1 - axis for axis in axes)) for node, axes in source.holes)
    return replace(source, shape=source.shape[::-1], holes=holes)


def _reshaped(call: _Call) -> Tile:
    source = call.get(0, "input") or NOTHING
    return Tile(dtype=source.dtype, shape=call.shape(1, "shape"), loaded=source.loaded, narrowed=source.narrowed)


def _dot(call: _Call) -> Tile:
    left, right = call.get(0, "input") or NOTHING, call.get(1, "other") or NOTHING
    accumulator = call.get(2, "acc")
    asked = call.named.get("out_dtype") or call.named.get("acc_dtype")
    shape: tuple[Dim, ...] | None = None
    if left.shape is not None and right.shape is not None and len(left.shape) == len(right.shape) == 2:
        shape = (left.shape[0], right.shape[1])
    result = Tile(dtype=_dot_dtype(left, accumulator, asked), shape=shape)
    call.context.note(Dot(call.node, left, right, accumulator, result))
    return result


def _dot_dtype(left: Tile, accumulator: Tile | None, asked: Tile | None) -> str | None:
    """Return the dtype of a product; operands of float32 and bfloat16 always give float32."""
    if left.dtype in ("fp32", "bf16"):
        return "fp32"
    if left.dtype == "fp64":
        return "fp64"
    if left.dtype in ("i8", "u8"):
        return "i32"
    if asked is not None:
        return as_dtype(asked)
    if accumulator is not None and accumulator.constant is not None:
        return accumulator.dtype
    # Without out_dtype every version gives float32 for float16 operands; an operand of unknown dtype might be int8.
    return "fp32" if left.dtype == "fp16" else None


def _reduction(call: _Call, name: str) -> Tile:
    source, axis = call.get(0, "input") or NOTHING, call.get(1, "axis")
    known = axis.constant if axis is not None and isinstance(axis.constant, int) else None
    call.context.note(Reduction(call.node, source, known))
    everything = axis is None or axis.constant is None
    shape: tuple[Dim, ...] | None = () if everything else None
    if source.shape is not None and known is not None and -len(source.shape) <= known < len(source.shape):
        kept = known % len(source.shape)
        shape = tuple(dim for index, dim in enumerate(source.shape) if index != kept)
    if call.named.get("keep_dims") is not None:
        shape = None
    dtype = source.dtype if source.dtype in ("fp32", "fp64", "i32", "i64") and not name.startswith("arg") else None
    return Tile(dtype=dtype, shape=shape)


def _program(call: _Call) -> Tile:
    return Tile(dtype="i32", shape=())


def _ceiling(call: _Call) -> Tile:
    left, right = call.get(0, "x") or NOTHING, call.get(1, "div") or NOTHING
    if isinstance(left.constant, int) and isinstance(right.constant, int) and right.constant:
        return constant_tile(-(-left.constant // right.constant))
    return Tile(shape=())


def _constexpr(call: _Call) -> Tile:
    return call.positional[0] if call.positional else constant_tile(UNKNOWN)


_FUNCTIONS: dict[str, Callable[[_Call], Tile]] = {
    "arange": _arange,
    "broadcast_to": _reshaped,
    "cast": _cast,
    "cdiv": _ceiling,
    "constexpr": _constexpr,
    "dot": _dot,
    "full": lambda call: _filled(call, 2),
    "load": _load,
    "maximum": _two,
    "minimum": _two,
    "num_programs": _program,
    "program_id": _program,
    "reshape": _reshaped,
    "trans": _transposed,
    "view": _reshaped,
    "where": _where,
    "zeros": lambda call: _filled(call, 1),
    "zeros_like": lambda call: replace(
        call.get(0, "input") or NOTHING, holes=frozenset(), loaded=False, narrowed=frozenset()
    ),
}
