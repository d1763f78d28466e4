"""What a loop does to the values it carries: closed forms for indices and pointers, sums for products."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

from tilewright.families.ttir import polynomial as p
from tilewright.families.ttir.peeled import flattened, trips, with_first
from tilewright.families.ttir.state import as_node
from tilewright.families.ttir.values import (
    Blank,
    Carried,
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
    Value,
    View,
    contains,
    rewrite_loads,
)


@dataclass(frozen=True, slots=True)
class Closed:
    """What one step adds to each polynomial of a carried value; ``None`` where that is not a constant."""

    added: tuple[p.Polynomial | None, ...]

    @property
    def moves(self) -> bool:
        """Whether the value changes from step to step."""
        return any(part is None or bool(part.terms) for part in self.added)


def open_argument(value: Value, loop: str, index: int) -> Value:
    """Return the value at the start of an unknown step."""
    parts = _parts(value)
    if parts:
        return _rebuilt(value, tuple(p.atom("carried", f"{loop}.{index}.{i}") for i in range(len(parts))))
    if isinstance(value, Mask):
        start = p.atom("carried", f"{loop}.{index}")
        return Mask(value.shape, (Condition(start, start),))
    return Data(value.shape, value.dtype, Carried(loop, index)) if isinstance(value, Data) else value


def as_data(initial: Value, yielded: Value) -> Value:
    """Treat a number that a loop turns into data, such as a whole-number accumulator, as data from the start."""
    if isinstance(initial, Integer) and isinstance(yielded, Data):
        return Data(yielded.shape, yielded.dtype, as_node(initial))
    return initial


def step_of(before: Value, after: Value, loop: str) -> Closed:
    """Compare a carried value with what the step yields for it."""
    if type(before) is not type(after):
        return Closed((None,) * len(_parts(before)))
    added: list[p.Polynomial | None] = []
    for old, new in zip(_parts(before), _parts(after), strict=True):
        change = new - old
        varies = any(
            part.key == loop or (part.kind == "carried" and part.name.startswith(f"{loop}.")) for part in change.atoms()
        )
        added.append(None if varies else change)
    return Closed(tuple(added))


def close(value: Value, change: Closed, counter: p.Polynomial, loop: str, index: int) -> Value:
    """Return the value at the start of step ``counter``."""
    parts = _parts(value)
    if not parts:
        return open_argument(value, loop, index)
    return _rebuilt(
        value,
        tuple(
            _after(part, added, counter, f"{loop}.{index}.{i}")
            for i, (part, added) in enumerate(zip(parts, change.added, strict=True))
        ),
    )


def finish(initial: Value, last: Value, change: Closed, loop: Loop, index: int) -> Value:
    """Return the value once the loop is over."""
    parts = _parts(initial)
    if parts:
        steps = trips(loop)
        return _rebuilt(
            initial,
            tuple(
                _after(part, added, steps, f"{loop.counter}.{index}.{i}.last")
                for i, (part, added) in enumerate(zip(parts, change.added, strict=True))
            ),
        )
    if isinstance(initial, Data) and isinstance(last, Data):
        return replace(initial, node=_summed(initial, last.node, loop, Carried(loop.counter, index)))
    return initial if initial == last else Data(last.shape, "unknown", Blank("carries a condition through a loop"))


def _summed(initial: Data, last: Node, loop: Loop, carried: Carried) -> Node:
    if last == carried:
        return initial.node
    product = _added_to(last, carried) or _outer_product(last, carried, loop, initial)
    if product is not None:
        flat = flattened(product, loop)
        if product.loop is not None and flat is None:
            return Blank("sums products over nested loops")
        if contains(product.a, lambda node: isinstance(node, Carried | Product)) or contains(
            product.b, lambda node: isinstance(node, Carried | Product)
        ):
            return Blank("multiplies tiles that depend on an earlier product")
        return with_first(replace(flat or replace(product, loop=loop), base=initial.node))
    if contains(last, lambda node: isinstance(node, Carried)):
        return Blank("carries a value through a loop that is not a plain sum of products")
    return Blank("uses what the last step of a loop computed")


def _added_to(node: Node, carried: Carried) -> Product | None:
    """Return the product where the node is ``carried + product``."""
    match node:
        case Product(base=base) if base == carried:
            return node
        case Operator(operation="add", arguments=(left, right)):
            for total, product in ((left, right), (right, left)):
                if total == carried and isinstance(product, Product) and isinstance(product.base, Literal):
                    return product if product.base.value == 0 else None
    return None


def _outer_product(node: Node, carried: Carried, loop: Loop, total: Data) -> Product | None:
    """Return ``carried + column * row``, one step of k at a time, as a product whose k is one element long."""
    match node:
        case Operator(operation="add", arguments=(left, right)) if carried in (left, right) and len(total.shape) == 2:
            factors = right if left == carried else left
        case _:
            return None
    while isinstance(factors, Operator) and factors.operation == "cast":
        (factors,) = factors.arguments
    if not isinstance(factors, Operator) or factors.operation != "mul" or loop.step.constant != 1:
        return None
    sides = dict(zip(map(_lanes_of, factors.arguments), factors.arguments, strict=True))
    if sides.keys() != {frozenset("0"), frozenset("1")} or not total.dtype.startswith(("fp", "bf")):
        return None
    along_k = {side: _along(loop, k) for side, k in (("0", p.atom("lane", "1")), ("1", p.atom("lane", "0")))}
    a, b = (rewrite_loads(sides[frozenset(side)], change) for side, change in along_k.items())
    identity = f"outer product in {loop.counter}"
    return Product(identity, a, b, Literal(0.0, total.dtype), "ieee", total.dtype, (*total.shape, 1), (0, 1))


def _along(loop: Loop, k: p.Polynomial) -> Callable[[p.Atom], p.Polynomial | None]:
    """Let a tile reach along k, by the one element that it is long, from where each step of the loop stands."""
    return lambda part: p.Polynomial({(part,): 1}) + k if part.key == loop.counter else None


def _lanes_of(node: Node) -> frozenset[str]:
    """The axes of the tile along which a load, or a cast of one, differs; anything else has all of them."""
    while isinstance(node, Operator) and node.operation == "cast":
        (node,) = node.arguments
    if not isinstance(node, Load):
        return frozenset("01")
    sides = (side for condition in node.conditions for side in (condition.low, condition.high) if side is not None)
    return frozenset(atom.name for part in (node.offset, *sides) for atom in part.atoms() if atom.kind == "lane")


def _after(part: p.Polynomial, added: p.Polynomial | None, steps: p.Polynomial, name: str) -> p.Polynomial:
    return p.atom("carried", name) if added is None else part + added * steps


def _parts(value: Value) -> tuple[p.Polynomial, ...]:
    match value:
        case Integer():
            return (value.value,)
        case Pointer():
            return (value.offset,)
        case View():
            return value.offsets
    return ()


def _rebuilt(value: Value, parts: tuple[p.Polynomial, ...]) -> Value:
    match value:
        case Integer():
            return Integer(value.shape, parts[0])
        case Pointer():
            return replace(value, offset=parts[0])
        case View():
            return replace(value, offsets=parts)
    return value
