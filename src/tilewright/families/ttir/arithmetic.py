"""Operations on numbers, masks and shapes."""

from __future__ import annotations

import re
import struct
from collections.abc import Callable
from dataclasses import replace

from tilewright.families.ttir import operations as names
from tilewright.families.ttir import polynomial as p
from tilewright.families.ttir.parser import Operation, Type, parse_type
from tilewright.families.ttir.peeled import is_idle_without, is_running, masked
from tilewright.families.ttir.state import DeclinedError, State, as_node
from tilewright.families.ttir.values import (
    ALWAYS,
    NEVER,
    UNKNOWN,
    Blank,
    Condition,
    Data,
    Integer,
    Literal,
    Load,
    Mask,
    Node,
    Operator,
    Place,
    Pointer,
    Product,
    Value,
    always,
    first_step,
    lane,
    move_lanes,
    settled,
)


def pointwise_or_blank(state: State, operation: Operation) -> None:
    """A pointwise operation; any other gives data that is not followed.

    Raises:
        DeclinedError: The operation does something other than give a value.
    """
    name = operation.name
    if operation.name in _INTEGER_OPERATIONS and _integer_operation(state, operation):
        return
    word, reason = names.FLOATING.get(name) or names.INTEGRAL.get(name), _REASONS.get(name, f"uses {name}")
    if name == "tt.extern_elementwise":
        found = re.search(r'symbol = "(\w+)"', operation.text)
        symbol = found.group(1) if found else ""
        word, reason = names.libdevice(symbol), f"uses {symbol or name}"
    if operation.regions and name != "tt.scan":
        raise DeclinedError(reason)
    for result in operation.results:
        kind = _result_type(operation)
        node: Node = Blank(reason)
        if word is not None:
            arguments = tuple(state.node(operand) for operand in operation.operands)
            node = Operator(word, arguments, kind.element)
        state.values[result] = Data(kind.shape, kind.element, node)
    if not operation.results and name not in _HARMLESS:
        raise DeclinedError(reason)


def _integer_operation(state: State, operation: Operation) -> bool:
    values = [state.get(name) for name in operation.operands]
    if operation.name == "arith.muli" and all(isinstance(value, Mask) for value in values):
        logic(state, operation)
        return True
    if not all(isinstance(value, Integer) for value in values):
        return False
    left, right = (state.integer(name) for name in operation.operands)
    if operation.name in _SHIFTS:
        if right.constant is None or not 0 <= right.constant < 63:
            return False
        right = p.number(1 << right.constant)
    state.set(operation, Integer(values[0].shape, _INTEGER_OPERATIONS[operation.name](left, right)))
    return True


def constant(state: State, operation: Operation) -> None:
    """``arith.constant``, scalar or ``dense<…>`` of one value."""
    kind = _result_type(operation)
    text = re.sub(r"^\{[^}]*\}\s*", "", operation.text)
    dense = re.match(r"dense<(.*)>$", text)
    text = dense.group(1) if dense else text
    if kind.element == "i1":
        truth = text in ("true", "-1", "1")
        mask = Mask(kind.shape, () if truth else (NEVER,), (NEVER if truth else ALWAYS,))
        state.set(operation, mask)
    elif re.fullmatch(r"-?\d+", text) and kind.element.startswith("i"):
        state.set(operation, Integer(kind.shape, p.number(int(text))))
    else:
        state.set(operation, Data(kind.shape, kind.element, _literal(text, kind.element)))


def compare(state: State, operation: Operation) -> None:
    """``arith.cmpi``: a mask where both sides are known, else data."""
    predicate = operation.text.split(",")[0].strip()
    left, right = (state.get(name) for name in operation.operands)
    if isinstance(left, Integer) and isinstance(right, Integer):
        state.set(operation, _compared(state, predicate, left, right))
        return
    nodes = (as_node(left), as_node(right))
    word = names.COMPARISONS.get(predicate)
    node: Node = Operator(word, nodes, "i1") if word else Blank(f"compares with {predicate}")
    state.set(operation, Data(left.shape, "i1", node))


def logic(state: State, operation: Operation) -> None:
    """``arith.andi``, ``ori`` and ``xori`` on masks or data; ``muli`` of masks is ``andi``."""
    left, right = (state.get(name) for name in operation.operands)
    word = {"arith.andi": "and", "arith.ori": "or", "arith.xori": "xor"}.get(operation.name, "and")
    if isinstance(left, Mask) and isinstance(right, Mask):
        joined = tuple(dict.fromkeys(left.conditions + right.conditions))
        neither = tuple(dict.fromkeys(left.opposite + right.opposite))
        if left == right and word != "xor":
            state.set(operation, left)
        elif word == "and":
            state.set(operation, Mask(left.shape, joined))
        elif word == "or":
            state.set(operation, Mask(left.shape, (UNKNOWN,), neither))
        else:
            inverted = not right.conditions
            state.set(operation, Mask(left.shape, left.opposite, left.conditions) if inverted else _unknown(left))
    elif isinstance(left, Integer) and isinstance(right, Integer):
        state.set(operation, Integer(left.shape, p.atom("unknown", state.fresh())))
    else:
        kind = _result_type(operation)
        state.set(
            operation, Data(kind.shape, kind.element, Operator(word, (as_node(left), as_node(right)), kind.element))
        )


def _unknown(mask: Mask) -> Mask:
    return Mask(mask.shape, (UNKNOWN,))


def select(state: State, operation: Operation) -> None:
    """``arith.select``, also the value form ``tl.where`` takes."""
    condition, left, right = (state.get(name) for name in operation.operands)
    if isinstance(condition, Mask):
        state.set(operation, chosen(state, condition, left, right))
        return
    kind = operation.result_type
    arguments = (as_node(condition), as_node(left), as_node(right))
    state.set(operation, Data(kind.shape, kind.element, Operator("where", arguments, kind.element)))


def compare_data(state: State, operation: Operation) -> None:
    """``arith.cmpf``."""
    word = names.COMPARISONS.get(operation.text.split()[0].rstrip(","))
    kind = _result_type(operation)
    nodes = tuple(state.node(name) for name in operation.operands)
    node: Node = Operator(word, nodes, "i1") if word else Blank(f"compares with {operation.text.split()[0]}")
    state.set(operation, Data(kind.shape, "i1", node))


def cast(state: State, operation: Operation) -> None:
    """A change of dtype; whole numbers of known form keep it."""
    value = state.get(operation.operands[0])
    kind = operation.result_type
    if isinstance(value, Integer | Mask) and operation.name in names.INTEGER_CASTS:
        state.set(
            operation,
            value
            if isinstance(value, Integer) or kind.element == "i1"
            else Data(kind.shape, kind.element, Blank("computes with a mask")),
        )
        return
    state.set(operation, Data(kind.shape, kind.element, Operator("cast", (as_node(value),), kind.element)))


def clamp(state: State, operation: Operation) -> None:
    """``tt.clampf``."""
    kind = operation.result_type
    value, low, high = (state.node(name) for name in operation.operands)
    suffix = "_nan" if "propagateNan = all" in operation.text else ""
    raised = Operator(f"max{suffix}", (value, low), kind.element)
    state.set(operation, Data(kind.shape, kind.element, Operator(f"min{suffix}", (raised, high), kind.element)))


def program_id(state: State, operation: Operation) -> None:
    """``tt.get_program_id`` and ``tt.get_num_programs``."""
    axis = "xyz".index(operation.text.split()[0])
    kind = "program" if operation.name.endswith("id") else "programs"
    state.set(operation, Integer((), p.atom(kind, str(axis))))


def make_range(state: State, operation: Operation) -> None:
    """``tt.make_range``; one of a single element is a number, which a broadcast repeats."""
    start, shape = operation.integer("start") or 0, operation.result_type.shape
    state.set(operation, Integer(shape, p.number(start) if shape == (1,) else lane(0) + p.number(start)))


def expand_dims(state: State, operation: Operation) -> None:
    """``tt.expand_dims``."""
    axis = operation.integer("axis") or 0
    value = state.get(operation.operands[0])
    places = {old: old + (old >= axis) for old in range(len(value.shape))}
    state.set(operation, move_lanes(value, places, operation.result_type.shape))


def broadcast(state: State, operation: Operation) -> None:
    """``tt.broadcast`` and ``tt.splat``: the same elements, more of them."""
    value, shape = state.get(operation.operands[0]), operation.result_type.shape
    state.set(operation, move_lanes(value, {}, shape))


def transpose(state: State, operation: Operation) -> None:
    """``tt.trans``."""
    value = state.get(operation.operands[0])
    order = operation.integers("order")
    state.set(operation, move_lanes(value, {old: new for new, old in enumerate(order)}, operation.result_type.shape))


def same(state: State, operation: Operation) -> None:
    """An operation that changes nothing about the value."""
    state.set(operation, state.get(operation.operands[0]))


def chosen(state: State, condition: Mask, left: Value, right: Value) -> Value:
    """Return ``left`` where the condition holds, else ``right``."""
    decided = settled(condition)
    if left == right or decided is not None:
        return right if decided is False else left
    match left, right:
        case Integer(), Integer():
            return Integer(left.shape, _select(state, condition, left.value, right.value))
        case Pointer(), Pointer() if left.parameter == right.parameter:
            return replace(left, offset=_select(state, condition, left.offset, right.offset))
        case Data(), Data():
            return replace(left, node=_select_data(state, condition, left, right))
    return Data(left.shape, "unknown", Blank("chooses between tensors by a condition"))


def _select(state: State, condition: Mask, left: p.Polynomial, right: p.Polynomial) -> p.Polynomial:
    if len(condition.conditions) == 1:
        only = condition.conditions[0]
        if only.low is not None and only.high is not None:
            return p.atom("select", "", only.low, only.high, left, right)
    return p.atom("unknown", state.fresh())


def _select_data(state: State, condition: Mask, left: Data, right: Data) -> Node:
    """``where(mask, loaded, 0)`` is a masked load; of other choices by place, those of data or a number are followed.

    Between a loop over products and its first step alone, it is the loop: the other is there for a k of one block.
    Between it and the loop without a last step that is left out where it would add nothing, it is the whole.
    Between two reads that differ by a mask, it is the masked one: the other is there for whole blocks.
    """
    if isinstance(left.node, Load) and isinstance(right.node, Literal) and not right.node.value:
        conditions = left.node.conditions + condition.conditions
        if left.node.zero_filled or not left.node.conditions:
            return replace(left.node, conditions=conditions, zero_filled=True)
    either = masked(left.node, right.node) if not condition.shape else None
    if either is not None:
        return either
    only = condition.conditions[0] if len(condition.conditions) == 1 else UNKNOWN
    if is_idle_without(only, left.node, right.node):
        return left.node
    for one, other in ((left.node, right.node), (right.node, left.node)):
        if isinstance(one, Product) and isinstance(other, Product) and one == first_step(other):
            return other
    if isinstance(right.node, Literal) and UNKNOWN not in condition.conditions:
        return Operator("where", (Place(condition.conditions), left.node, right.node), left.dtype)
    return Blank(BY_PLACE)


BY_PLACE = "chooses a value by the element's place (a mask on data, as in causal or padded code)"


def _result_type(operation: Operation) -> Type:
    if operation.name == "arith.cmpf":
        return Type(parse_type(operation.types).shape, "i1")
    return operation.result_type


def _literal(text: str, dtype: str) -> Node:
    """One value; bits in hexadecimal where decimals cannot say it."""
    if re.fullmatch(r"-?\d[\d.]*(?:[eE][-+]?\d+)?", text):
        return Literal(float(text), dtype)
    if not re.fullmatch(r"0x[0-9A-Fa-f]+", text) or dtype not in ("fp16", "bf16", "fp32", "fp64"):
        return Blank("holds a tensor of several constants")
    bits = int(text, 16)
    code, width = {"fp16": ("e", 2), "fp32": ("f", 4), "fp64": ("d", 8)}.get(dtype, ("f", 4))
    if dtype == "bf16":
        bits <<= 16
    return Literal(float(struct.unpack(f"<{code}", bits.to_bytes(width, "little"))[0]), dtype)


def _compared(state: State, predicate: str, left: Integer, right: Integer) -> Mask:
    one = p.number(1)
    low, high = left.value, right.value
    if predicate in ("eq", "ne") and high.constant == 0 and low.single is not None and low.single.kind == "rem":
        predicate, high = ("sgt", high) if predicate == "ne" else ("slt", one)
    if predicate[1:] in ("gt", "ge"):
        low, high = high, low
    match predicate[1:]:
        case "lt" | "gt":
            opposite = Condition(high, low + one)
        case "le" | "ge":
            opposite, high = Condition(high, low), high + one
        case _:
            return Mask(left.shape, (UNKNOWN,))
    kept = tuple(x for x in _split(low, high) if not always(x, left.shape) and not is_running(x, state.loops))
    return Mask(left.shape, kept, (opposite,) if kept else (NEVER,))


def _split(low: p.Polynomial, high: p.Polynomial) -> tuple[Condition, ...]:
    """``x < min(y, z) + w`` is two conditions, and so is ``max(x, y) + w < z``."""
    for kind, side in (("min", high), ("max", low)):
        for monomial, factor in side.terms.items():
            if factor == 1 and len(monomial) == 1 and monomial[0].kind == kind:
                rest = side - p.Polynomial({monomial: 1})
                ways = [rest + argument for argument in monomial[0].arguments]
                pairs = ((low, way) if kind == "min" else (way, high) for way in ways)
                return tuple(dict.fromkeys(part for pair in pairs for part in _split(*pair)))
    return (Condition(low, high),)


_INTEGER_OPERATIONS: dict[str, Callable[[p.Polynomial, p.Polynomial], p.Polynomial]] = {
    "arith.addi": lambda left, right: left + right,
    "arith.subi": lambda left, right: left - right,
    "arith.muli": lambda left, right: left * right,
    "arith.divsi": p.quotient,
    "arith.divui": p.quotient,
    "arith.remsi": p.remainder,
    "arith.remui": p.remainder,
    "arith.minsi": p.smaller,
    "arith.minui": p.smaller,
    "arith.maxsi": p.larger,
    "arith.maxui": p.larger,
    "arith.shli": lambda left, right: left * right,
    "arith.shrsi": p.quotient,
    "arith.shrui": p.quotient,
    "arith.floordivsi": p.quotient,
    "arith.ceildivsi": lambda left, right: p.quotient(left + right - p.number(1), right),
}

_SHIFTS = ("arith.shli", "arith.shrsi", "arith.shrui")

_HARMLESS = ("llvm.intr.assume", "tt.return", "tt.assert", "gpu.barrier")

_REASONS = {
    "tt.scan": "scans a tile",
    "tt.call": "calls a function that was not inlined",
    "scf.while": "holds a while loop",
    "tt.elementwise_inline_asm": "holds inline assembly",
    "tt.dot_scaled": "multiplies block-scaled tiles",
}
