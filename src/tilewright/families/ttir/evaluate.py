"""Evaluates a kernel's Triton IR with symbols for everything that a launch would fill in.

The result is the list of what the kernel stores. Integers keep their exact form (see ``polynomial``); pointers and
integers that a loop advances by a constant step are given in closed form; data stays a graph.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

from tilewright.families.ttir import operations as names
from tilewright.families.ttir import polynomial as p
from tilewright.families.ttir.loops import close, finish, open_argument, step_of
from tilewright.families.ttir.parser import Block, Function, Operation, Type, parse_type
from tilewright.families.ttir.values import (
    UNKNOWN,
    Blank,
    Condition,
    Data,
    Integer,
    Literal,
    Load,
    Loop,
    Mask,
    Node,
    Operator,
    Pointer,
    Product,
    Scalar,
    Store,
    Value,
    View,
    lane,
    move_lanes,
)


class Declined(Exception):
    """The kernel does something that is not followed; the message completes "the kernel …"."""


def evaluate(function: Function) -> tuple[Store, ...]:
    """Return everything the kernel stores.

    Raises:
        Declined: The control flow, or the way an address is made, is not followed.
    """
    evaluator = _Evaluator()
    for name, kind in function.parameters:
        evaluator.values[f"%{name}"] = _parameter(name, kind)
    evaluator.run_function(function.blocks)
    return tuple(evaluator.stores)


def _parameter(name: str, kind: Type) -> Value:
    if kind.pointer:
        return Pointer((), name, p.number(0), kind.element)
    if kind.element.startswith("!tt.tensordesc"):
        raise Declined("takes a tensor descriptor made on the host")
    if re.fullmatch(r"i\d+", kind.element) and kind.element != "i1":
        return Integer((), p.atom("parameter", name))
    return Data((), kind.element, Scalar(name, kind.element))


class _Evaluator:
    def __init__(self) -> None:
        self.values: dict[str, Value] = {}
        self.stores: list[Store] = []
        self.loops: list[Loop] = []
        self.guards: list[Condition] = []
        self._fresh = 0

    # Control flow ------------------------------------------------------------------------------------------------

    def run_function(self, blocks: tuple[Block, ...]) -> None:
        """Follow the blocks; a branch whose one side only returns becomes a guard on the other."""
        by_label = {block.label: block for block in blocks}
        current: Block | None = blocks[0]
        while current is not None:
            *body, last = current.operations
            self.run(tuple(body))
            current = None
            if last.name == "cf.br":
                current = by_label.get(last.text.strip())
            elif last.name == "cf.cond_br":
                current = self._branch(last, by_label)
            elif last.name != "tt.return":
                raise Declined(f"ends a block with {last.name}")

    def _branch(self, operation: Operation, blocks: dict[str, Block]) -> Block:
        condition = self.mask(operation.operands[0])
        labels = re.findall(r"\^\w+", operation.text)
        if len(labels) != 2 or len(operation.operands) != 1:
            raise Declined("branches with values")
        taken, other = (blocks[label] for label in labels)
        if _only_returns(taken):
            self.guards.append(condition.opposite)
            return other
        if _only_returns(other):
            self.guards.extend(condition.conditions)
            return taken
        raise Declined("branches between two ways of computing")

    def run(self, operations: tuple[Operation, ...]) -> None:
        """Evaluate operations in order."""
        for operation in operations:
            handler = _HANDLERS.get(operation.name)
            if handler is not None:
                handler(self, operation)
            else:
                self._pointwise_or_blank(operation)

    def for_loop(self, operation: Operation) -> None:
        """Evaluate ``scf.for`` twice: once to find what each step adds, once with the closed forms."""
        found = re.match(
            r"(?:unsigned )?(%\S+) = (%\S+) to (%\S+) step (%\S+)(?: iter_args\((.*?)\))?(?: ->.*)?$", operation.text
        )
        if found is None:
            raise Declined("holds a loop of an unknown form")
        first, last, step = (self.integer(found.group(index)) for index in (2, 3, 4))
        pairs = re.findall(r"(%[\w$.\-]+) = (%[\w$.\-#]+)", found.group(5) or "")
        self._fresh += 1
        key = f"counter.loop{self._fresh}"
        counter = p.atom("counter", f"loop{self._fresh}")
        loop = Loop(key, first, last, step)
        arguments = [self.get(initial) for _, initial in pairs]
        body = operation.regions[0][0].operations
        outer = dict(self.values)
        if pairs:
            opened = [open_argument(value, key, index) for index, value in enumerate(arguments)]
            yielded = self._loop_body(body, found.group(1), first + step * counter, pairs, opened, loop, keep=False)
            steps = [step_of(*each, key) for each in zip(opened, yielded, strict=True)]
        else:
            steps = []
        self.values = dict(outer)
        closed = [
            close(value, change, counter, key, i)
            for i, (value, change) in enumerate(zip(arguments, steps, strict=True))
        ]
        moves = any(
            isinstance(value, Pointer | View) and change.moves for value, change in zip(arguments, steps, strict=True)
        )
        loop = replace(loop, advances_pointers=moves)
        yielded = self._loop_body(body, found.group(1), first + step * counter, pairs, closed, loop, keep=True)
        self.values = outer
        for index, name in enumerate(operation.results):
            result = finish(arguments[index], yielded[index], steps[index], loop, index)
            self.values[name] = result
            self.values[name.partition("#")[0] if len(operation.results) == 1 else name] = result

    def _loop_body(
        self, body: tuple[Operation, ...], counter_name: str, counter: p.Polynomial,
        pairs: list[tuple[str, str]], arguments: list[Value], loop: Loop, *, keep: bool,
    ) -> list[Value]:  # fmt: skip
        self.values[counter_name] = Integer((), counter)
        for (name, _), value in zip(pairs, arguments, strict=True):
            self.values[name] = value
        stores = len(self.stores)
        self.loops.append(loop)
        self.run(tuple(operation for operation in body if operation.name != "scf.yield"))
        self.loops.pop()
        if not keep:
            del self.stores[stores:]
        last = body[-1] if body else None
        return [self.get(name) for name in last.operands] if last is not None and last.name == "scf.yield" else []

    def if_else(self, operation: Operation) -> None:
        """Evaluate both sides; what they store is guarded, what they yield must agree or be chosen by a number."""
        condition = self.mask(operation.operands[0])
        outer, guards = dict(self.values), list(self.guards)
        sides: list[list[Value]] = []
        for region, extra in zip(operation.regions, (condition.conditions, (condition.opposite,)), strict=False):
            self.values, self.guards = dict(outer), [*guards, *extra]
            body = region[0].operations if region else ()
            self.run(tuple(inner for inner in body if inner.name != "scf.yield"))
            yields = [inner for inner in body if inner.name == "scf.yield"]
            sides.append([self.get(name) for name in yields[0].operands] if yields else [])
        self.values, self.guards = outer, guards
        for index, name in enumerate(operation.results):
            self.values[name] = self._chosen(condition, sides[0][index], sides[1][index])

    def _chosen(self, condition: Mask, left: Value, right: Value) -> Value:
        if left == right:
            return left
        match left, right:
            case Integer(), Integer():
                return Integer(left.shape, self._select(condition, left.value, right.value))
            case Pointer(), Pointer() if left.parameter == right.parameter:
                return replace(left, offset=self._select(condition, left.offset, right.offset))
            case Data(), Data():
                return replace(left, node=self._select_data(condition, left, right))
        return Data(left.shape, "unknown", Blank("chooses between tensors by a condition"))

    # Values ------------------------------------------------------------------------------------------------------

    def get(self, name: str) -> Value:
        """Return the value of that name."""
        value = self.values.get(name)
        if value is None:
            value = self.values.get(name.removesuffix("#0"))
        if value is None:
            raise Declined(f"uses {name}, which is not defined before")
        return value

    def integer(self, name: str) -> p.Polynomial:
        """Return a whole number; one that was loaded becomes an atom of its own."""
        value = self.get(name)
        if isinstance(value, Integer):
            return value.value
        self._fresh += 1
        return p.atom("loaded", str(self._fresh))

    def mask(self, name: str) -> Mask:
        """Return a mask; one made from data is unknown."""
        value = self.get(name)
        return value if isinstance(value, Mask) else Mask(value.shape, (UNKNOWN,))

    def node(self, name: str) -> Node:
        """Return a value as data."""
        return as_node(self.get(name))

    def set(self, operation: Operation, value: Value) -> None:
        """Bind the operation's only result."""
        if operation.results:
            self.values[operation.results[0]] = value

    def _select(self, condition: Mask, left: p.Polynomial, right: p.Polynomial) -> p.Polynomial:
        if len(condition.conditions) == 1:
            only = condition.conditions[0]
            if only.low is not None and only.high is not None:
                return p.atom("select", "", only.low, only.high, left, right)
        self._fresh += 1
        return p.atom("unknown", str(self._fresh))

    def _select_data(self, condition: Mask, left: Data, right: Data) -> Node:
        """``where(mask, loaded, 0)`` is a masked load; any other choice by place is not followed."""
        if isinstance(left.node, Load) and isinstance(right.node, Literal) and not right.node.value:
            conditions = left.node.conditions + condition.conditions
            if left.node.zero_filled or not left.node.conditions:
                return replace(left.node, conditions=conditions, zero_filled=True)
        return Blank("chooses a value by the element's place (a mask on data, as in causal or padded code)")

    # Operations --------------------------------------------------------------------------------------------------

    def _pointwise_or_blank(self, operation: Operation) -> None:
        name = operation.name
        if operation.name in _INTEGER_OPERATIONS and self._integer_operation(operation):
            return
        word = names.FLOATING.get(name) or names.INTEGRAL.get(name)
        if name == "tt.extern_elementwise":
            symbol = re.search(r'symbol = "(\w+)"', operation.text)
            word = names.libdevice(symbol.group(1)) if symbol else None
        for index, result in enumerate(operation.results):
            kind = _result_type(operation)
            node: Node = Blank(_REASONS.get(name, f"uses {name}") if index == 0 else f"uses {name}")
            if word is not None:
                arguments = tuple(self.node(operand) for operand in operation.operands)
                node = Operator(word, arguments, kind.element)
            self.values[result] = Data(kind.shape, kind.element, node)
        if not operation.results and name not in _HARMLESS:
            raise Declined(_REASONS.get(name, f"uses {name}"))

    def _integer_operation(self, operation: Operation) -> bool:
        values = [self.get(name) for name in operation.operands]
        if not all(isinstance(value, Integer) for value in values):
            return False
        left, right = (self.integer(name) for name in operation.operands)
        self.set(operation, Integer(values[0].shape, _INTEGER_OPERATIONS[operation.name](left, right)))
        return True

    def constant(self, operation: Operation) -> None:
        """``arith.constant``, scalar or ``dense<…>`` of one value."""
        kind = _result_type(operation)
        text = re.sub(r"^\{[^}]*\}\s*", "", operation.text)
        dense = re.match(r"dense<(.*)>$", text)
        text = dense.group(1) if dense else text
        if kind.element == "i1":
            truth = text in ("true", "-1", "1")
            never = Condition(p.number(1), p.number(0))
            always = Condition(p.number(0), p.number(1))
            mask = Mask(kind.shape, () if truth else (never,), never if truth else always)
            self.set(operation, mask)
        elif re.fullmatch(r"-?\d+", text) and kind.element.startswith("i"):
            self.set(operation, Integer(kind.shape, p.number(int(text))))
        else:
            self.set(operation, Data(kind.shape, kind.element, Literal(_float(text, kind.element), kind.element)))

    def compare(self, operation: Operation) -> None:
        """``arith.cmpi``: a mask where both sides are known, else data."""
        predicate = operation.text.split(",")[0].strip()
        left, right = (self.get(name) for name in operation.operands)
        if isinstance(left, Integer) and isinstance(right, Integer):
            self.set(operation, _compared(predicate, left, right))
            return
        nodes = (as_node(left), as_node(right))
        word = names.COMPARISONS.get(predicate)
        node: Node = Operator(word, nodes, "i1") if word else Blank(f"compares with {predicate}")
        self.set(operation, Data(left.shape, "i1", node))

    def logic(self, operation: Operation) -> None:
        """``arith.andi``, ``ori`` and ``xori`` on masks or data."""
        left, right = (self.get(name) for name in operation.operands)
        word = {"arith.andi": "and", "arith.ori": "or", "arith.xori": "xor"}[operation.name]
        if isinstance(left, Mask) and isinstance(right, Mask):
            joined = (*left.conditions, *(c for c in right.conditions if c not in left.conditions))
            if word == "and":
                self.set(operation, Mask(left.shape, joined))
            elif word == "xor" and not right.conditions:
                self.set(operation, Mask(left.shape, (left.opposite,)))
            else:
                both = left.conditions == right.conditions
                self.set(operation, left if word == "or" and both else Mask(left.shape, (UNKNOWN,)))
        elif isinstance(left, Integer) and isinstance(right, Integer):
            self._fresh += 1
            self.set(operation, Integer(left.shape, p.atom("unknown", str(self._fresh))))
        else:
            kind = _result_type(operation)
            self.set(
                operation, Data(kind.shape, kind.element, Operator(word, (as_node(left), as_node(right)), kind.element))
            )

    def select(self, operation: Operation) -> None:
        """``arith.select``, also the value form ``tl.where`` takes."""
        condition, left, right = (self.get(name) for name in operation.operands)
        if isinstance(condition, Mask):
            self.set(operation, self._chosen(condition, left, right))
            return
        kind = operation.result_type
        arguments = (as_node(condition), as_node(left), as_node(right))
        self.set(operation, Data(kind.shape, kind.element, Operator("where", arguments, kind.element)))

    def compare_data(self, operation: Operation) -> None:
        """``arith.cmpf``."""
        word = names.COMPARISONS.get(operation.text.split()[0].rstrip(","))
        kind = _result_type(operation)
        nodes = tuple(self.node(name) for name in operation.operands)
        node: Node = Operator(word, nodes, "i1") if word else Blank(f"compares with {operation.text.split()[0]}")
        self.set(operation, Data(kind.shape, "i1", node))

    def cast(self, operation: Operation) -> None:
        """A change of dtype; whole numbers of known form keep it."""
        value = self.get(operation.operands[0])
        kind = operation.result_type
        if isinstance(value, Integer | Mask) and operation.name in names.INTEGER_CASTS:
            self.set(
                operation,
                value
                if isinstance(value, Integer) or kind.element == "i1"
                else Data(kind.shape, kind.element, Blank("computes with a mask")),
            )
            return
        self.set(operation, Data(kind.shape, kind.element, Operator("cast", (as_node(value),), kind.element)))

    def program_id(self, operation: Operation) -> None:
        """``tt.get_program_id`` and ``tt.get_num_programs``."""
        axis = "xyz".index(operation.text.split()[0])
        kind = "program" if operation.name.endswith("id") else "programs"
        self.set(operation, Integer((), p.atom(kind, str(axis))))

    def make_range(self, operation: Operation) -> None:
        """``tt.make_range``."""
        start = operation.integer("start") or 0
        self.set(operation, Integer(operation.result_type.shape, lane(0) + p.number(start)))

    def expand_dims(self, operation: Operation) -> None:
        """``tt.expand_dims``."""
        axis = operation.integer("axis") or 0
        value = self.get(operation.operands[0])
        places = {old: old + (old >= axis) for old in range(len(value.shape))}
        self.set(operation, move_lanes(value, places, operation.result_type.shape))

    def reshape(self, operation: Operation) -> None:
        """``tt.reshape`` that only adds or drops axes of length 1."""
        value, kind = self.get(operation.operands[0]), operation.result_type
        if [size for size in value.shape if size != 1] != [size for size in kind.shape if size != 1]:
            self.set(operation, Data(kind.shape, kind.element, Blank("reshapes a tile")))
            return
        new = (axis for axis, size in enumerate(kind.shape) if size != 1)
        places = {axis: next(new) for axis, size in enumerate(value.shape) if size != 1}
        self.set(operation, move_lanes(value, places, kind.shape))

    def broadcast(self, operation: Operation) -> None:
        """``tt.broadcast`` and ``tt.splat``: the same elements, more of them."""
        value, shape = self.get(operation.operands[0]), operation.result_type.shape
        self.set(operation, move_lanes(value, {}, shape))

    def transpose(self, operation: Operation) -> None:
        """``tt.trans``."""
        value = self.get(operation.operands[0])
        order = operation.integers("order")
        self.set(operation, move_lanes(value, {old: new for new, old in enumerate(order)}, operation.result_type.shape))

    def same(self, operation: Operation) -> None:
        """An operation that changes nothing about the value."""
        self.set(operation, self.get(operation.operands[0]))

    def add_pointer(self, operation: Operation) -> None:
        """``tt.addptr``."""
        base = self.get(operation.operands[0])
        if not isinstance(base, Pointer):
            raise Declined("adds to a pointer that it loaded or chose")
        offset = self.integer(operation.operands[1])
        self.set(operation, replace(base, offset=base.offset + offset))

    def load(self, operation: Operation) -> None:
        """``tt.load`` and ``tt.descriptor_load``."""
        source = self.get(operation.operands[0])
        kind = _result_type(operation)
        if isinstance(source, View):
            pointer, conditions = self._addressed(source, operation, operation.operands[1:])
            node: Node = Load(pointer.parameter, pointer.offset, conditions, True, pointer.dtype)
            self.set(operation, Data(pointer.shape, pointer.dtype, node))
            return
        if not isinstance(source, Pointer):
            raise Declined("loads through a pointer that it loaded or chose")
        mask = self.mask(operation.operands[1]).conditions if len(operation.operands) > 1 else ()
        filled = len(operation.operands) <= 2 or _is_zero(self.node(operation.operands[2]))
        node = Load(source.parameter, source.offset, mask, filled, source.dtype)
        self.set(operation, Data(kind.shape, source.dtype, node))

    def store(self, operation: Operation) -> None:
        """``tt.store`` and ``tt.descriptor_store``."""
        target = self.get(operation.operands[0])
        if isinstance(target, View):
            value = self.get(operation.operands[1])
            pointer, conditions = self._addressed(target, operation, operation.operands[2:])
        elif isinstance(target, Pointer):
            pointer, value = target, self.get(operation.operands[1])
            conditions = self.mask(operation.operands[2]).conditions if len(operation.operands) > 2 else ()
        else:
            raise Declined("stores through a pointer that it loaded or chose")
        self._store(pointer, value, conditions, atomic=False)

    def atomic(self, operation: Operation) -> None:
        """``tt.atomic_rmw``: an addition is followed where its result is not used."""
        kind = operation.text.split(",")[0].strip()
        pointer, value = (self.get(name) for name in operation.operands[:2])
        if kind not in ("fadd", "add") or not isinstance(pointer, Pointer):
            raise Declined(f"uses an atomic {kind}")
        conditions = self.mask(operation.operands[2]).conditions if len(operation.operands) > 2 else ()
        self._store(pointer, value, conditions, atomic=True)
        self.set(operation, Data(value.shape, "unknown", Blank("uses what an atomic addition returns")))

    def _store(self, pointer: Pointer, value: Value, conditions: tuple[Condition, ...], *, atomic: bool) -> None:
        self.stores.append(
            Store(pointer, as_node(value), pointer.dtype, conditions, tuple(self.guards), tuple(self.loops), atomic)
        )

    def _addressed(
        self, view: View, operation: Operation, indices: tuple[str, ...]
    ) -> tuple[Pointer, tuple[Condition, ...]]:
        descriptor = operation.name.startswith("tt.descriptor")
        offsets = tuple(self.integer(name) for name in indices) if descriptor else view.offsets
        checked = range(len(view.shape)) if descriptor else operation.integers("boundaryCheck")
        total, conditions = p.number(0), []
        for axis, (offset, stride) in enumerate(zip(offsets, view.strides, strict=True)):
            place = offset + lane(axis)
            total = total + place * stride
            if axis in checked:
                conditions.append(Condition(place, view.extents[axis]))
        return Pointer(view.shape, view.parameter, total, view.dtype), tuple(conditions)

    def make_view(self, operation: Operation) -> None:
        """``tt.make_tensor_ptr`` and ``tt.make_tensor_descriptor``."""
        base = self.get(operation.operands[0])
        found = re.search(r"tensor<((?:\d+x)+)(\w+)", operation.types)
        if not isinstance(base, Pointer) or base.offset.terms or found is None:
            raise Declined("makes a tensor descriptor of a pointer that is no parameter")
        shape = tuple(int(size) for size in found.group(1).split("x")[:-1])
        groups = [re.findall(r"%[\w$.\-]+(?:#\d+)?", group) for group in re.findall(r"\[(.*?)\]", operation.text)]
        extents, strides, *rest = (tuple(self.integer(name) for name in group) for group in groups)
        self.set(operation, View(shape, base.parameter, extents, strides, rest[0] if rest else (), base.dtype))

    def advance(self, operation: Operation) -> None:
        """``tt.advance``."""
        view = self.get(operation.operands[0])
        if not isinstance(view, View):
            raise Declined("advances what is no block pointer")
        deltas = (self.integer(name) for name in operation.operands[1:])
        self.set(operation, replace(view, offsets=tuple(o + d for o, d in zip(view.offsets, deltas, strict=True))))

    def dot(self, operation: Operation) -> None:
        """``tt.dot``."""
        left, right = (self.get(name) for name in operation.operands[:2])
        if len(left.shape) != 2:
            raise Declined("multiplies three-dimensional tiles")
        found = re.search(r"inputPrecision = (\w+)", operation.text)
        kind = operation.result_type
        self._fresh += 1
        node = Product(
            operation.results[0], as_node(left), as_node(right), self.node(operation.operands[2]),
            found.group(1) if found else "ieee", kind.element, (*kind.shape, left.shape[1]), (0, 1),
        )  # fmt: skip
        self.set(operation, Data(kind.shape, kind.element, node))


def as_node(value: Value) -> Node:
    """Return a value as data."""
    match value:
        case Data():
            return value.node
        case Integer() if value.value.constant is not None:
            return Literal(value.value.constant, "i32")
        case Integer():
            single = value.value.single
            if single is not None and single.kind == "parameter":
                return Scalar(single.name, "i32")
            return Blank("computes with the element's place")
        case Mask():
            return Blank("computes with a mask")
    return Blank("computes with a pointer")


def _only_returns(block: Block) -> bool:
    return all(operation.name == "tt.return" for operation in block.operations)


def _is_zero(node: Node) -> bool:
    return isinstance(node, Literal) and node.value == 0


def _result_type(operation: Operation) -> Type:
    if operation.name == "arith.cmpf":
        return Type(parse_type(operation.types).shape, "i1")
    return operation.result_type


def _float(text: str, dtype: str) -> float:
    if not text.startswith("0x"):
        return float(text)
    import struct

    bits = int(text, 16)
    code, width = {"fp16": ("e", 2), "fp32": ("f", 4), "fp64": ("d", 8)}.get(dtype, ("f", 4))
    if dtype == "bf16":
        bits <<= 16
    return float(struct.unpack(f"<{code}", bits.to_bytes(width, "little"))[0])


def _compared(predicate: str, left: Integer, right: Integer) -> Mask:
    one = p.number(1)
    low, high = left.value, right.value
    if predicate[1:] in ("gt", "ge"):
        low, high = high, low
    match predicate[1:]:
        case "lt" | "gt":
            return Mask(left.shape, _split(low, high), Condition(high, low + one))
        case "le" | "ge":
            return Mask(left.shape, _split(low, high + one), Condition(high, low))
    return Mask(left.shape, (UNKNOWN,))


def _split(low: p.Polynomial, high: p.Polynomial) -> tuple[Condition, ...]:
    """``x < min(y, z)`` is two conditions."""
    single = high.single
    if single is not None and single.kind == "min":
        return tuple(part for side in single.arguments for part in _split(low, side))
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
    "arith.ceildivsi": lambda left, right: p.quotient(left + right - p.number(1), right),
}

_HARMLESS = ("llvm.intr.assume", "tt.return", "tt.assert", "gpu.barrier")

_REASONS = {
    "tt.reduce": "reduces a tile to a vector or a number",
    "tt.scan": "scans a tile",
    "tt.call": "calls a function that was not inlined",
    "scf.while": "holds a while loop",
    "tt.elementwise_inline_asm": "holds inline assembly",
    "tt.dot_scaled": "multiplies block-scaled tiles",
}

_Handler = Callable[[_Evaluator, Operation], None]
_HANDLERS: dict[str, _Handler] = {
    "scf.for": _Evaluator.for_loop,
    "scf.if": _Evaluator.if_else,
    "arith.constant": _Evaluator.constant,
    "arith.cmpi": _Evaluator.compare,
    "arith.cmpf": _Evaluator.compare_data,
    "arith.andi": _Evaluator.logic,
    "arith.ori": _Evaluator.logic,
    "arith.xori": _Evaluator.logic,
    "arith.select": _Evaluator.select,
    "tt.get_program_id": _Evaluator.program_id,
    "tt.get_num_programs": _Evaluator.program_id,
    "tt.make_range": _Evaluator.make_range,
    "tt.expand_dims": _Evaluator.expand_dims,
    "tt.reshape": _Evaluator.reshape,
    "tt.broadcast": _Evaluator.broadcast,
    "tt.splat": _Evaluator.broadcast,
    "tt.unsplat": _Evaluator.broadcast,
    "tt.trans": _Evaluator.transpose,
    "ttg.convert_layout": _Evaluator.same,
    "tt.addptr": _Evaluator.add_pointer,
    "tt.load": _Evaluator.load,
    "tt.descriptor_load": _Evaluator.load,
    "tt.store": _Evaluator.store,
    "tt.descriptor_store": _Evaluator.store,
    "tt.atomic_rmw": _Evaluator.atomic,
    "tt.make_tensor_ptr": _Evaluator.make_view,
    "tt.make_tensor_descriptor": _Evaluator.make_view,
    "tt.advance": _Evaluator.advance,
    "tt.dot": _Evaluator.dot,
    **dict.fromkeys((*names.CASTS, *names.INTEGER_CASTS), _Evaluator.cast),
}
