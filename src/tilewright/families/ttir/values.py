"""What a Triton IR value may be, in symbols: an integer, a mask, a pointer, a tile view, or data.

A tensor's elements are described once, with ``lane`` atoms for the place along each axis.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace

from tilewright.families.ttir.polynomial import Atom, Polynomial, atom, number


@dataclass(frozen=True, slots=True)
class Condition:
    """``low < high`` for every element; ``None`` on both sides is a condition that has no such form."""

    low: Polynomial | None
    high: Polynomial | None

    def rewrite(self, change: Callable[[Atom], Polynomial | None]) -> Condition:
        """Rewrite both sides."""
        if self.low is None or self.high is None:
            return self
        return Condition(self.low.rewrite(change), self.high.rewrite(change))


UNKNOWN = Condition(None, None)
NEVER = Condition(number(1), number(0))
ALWAYS = Condition(number(0), number(1))


@dataclass(frozen=True, slots=True)
class Loop:
    """A counted loop; ``counter`` is the key of the atom that counts its steps from 0."""

    counter: str
    first: Polynomial
    last: Polynomial
    step: Polynomial
    advances_pointers: bool = False


@dataclass(frozen=True, slots=True)
class Load:
    """Elements read from memory; masked-off ones are 0 where ``zero_filled``."""

    parameter: str
    offset: Polynomial
    conditions: tuple[Condition, ...]
    zero_filled: bool
    dtype: str


@dataclass(frozen=True, slots=True)
class Literal:
    """A number."""

    value: float | int | bool
    dtype: str


@dataclass(frozen=True, slots=True)
class Scalar:
    """A run-time parameter used as data."""

    name: str
    dtype: str


@dataclass(frozen=True, slots=True)
class Operator:
    """A pointwise operation, named as in ``records.algorithm.OPERATIONS``."""

    operation: str
    arguments: tuple[Node, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Product:
    """``tt.dot`` of two tiles plus ``base``; its rows and columns lie along the lanes given."""

    identity: str = field(compare=False)
    a: Node
    b: Node
    base: Node
    precision: str
    dtype: str
    shape: tuple[int, ...]
    """M, N and K of the tiles."""
    lanes: tuple[int, int]
    loop: Loop | None = None
    """The loop over which the product is summed, once that is finished."""


@dataclass(frozen=True, slots=True)
class Carried:
    """Data as it stands when a step of a loop begins."""

    loop: str
    index: int


@dataclass(frozen=True, slots=True)
class Place:
    """Whether an element lies where all conditions hold."""

    conditions: tuple[Condition, ...]


@dataclass(frozen=True, slots=True)
class Part:
    """Elements of ``whole`` with ``start <= place < start + width`` along its ``axis``, the first at place 0.

    While ``piece`` is an axis it counts parts of that width.
    """

    whole: Node
    axis: int
    start: int
    width: int
    lanes: tuple[int, ...]
    """Where each axis of the whole is now."""
    piece: int | None = None

    @property
    def in_place(self) -> bool:
        """Whether this is a part by itself, its axes in the order of the whole's."""
        return self.piece is None and self.lanes == tuple(range(len(self.lanes)))


@dataclass(frozen=True, slots=True)
class Reduced:
    """The sum, the largest or the least element of a tile along one of its two axes."""

    operation: str
    """``sum``, ``max`` or ``min``."""
    value: Node
    """The tile, its axes as they were before the reduction."""
    axis: int
    kept: int
    """Where the tile's other axis is now."""
    dtype: str


@dataclass(frozen=True, slots=True)
class Blank:
    """Data that is not followed any further; ``reason`` completes "the kernel …"."""

    reason: str


Node = Load | Literal | Scalar | Operator | Product | Carried | Place | Part | Reduced | Blank


@dataclass(frozen=True, slots=True)
class Integer:
    """Whole numbers known as a polynomial."""

    shape: tuple[int, ...]
    value: Polynomial


@dataclass(frozen=True, slots=True)
class Mask:
    """A conjunction of conditions; ``opposite`` is its negation, a conjunction as well."""

    shape: tuple[int, ...]
    conditions: tuple[Condition, ...]
    opposite: tuple[Condition, ...] = (UNKNOWN,)


@dataclass(frozen=True, slots=True)
class Pointer:
    """``parameter + offset``, in elements."""

    shape: tuple[int, ...]
    parameter: str
    offset: Polynomial
    dtype: str


@dataclass(frozen=True, slots=True)
class View:
    """A block pointer or tensor descriptor; ``offsets`` is empty for a descriptor."""

    shape: tuple[int, ...]
    parameter: str
    extents: tuple[Polynomial, ...]
    strides: tuple[Polynomial, ...]
    offsets: tuple[Polynomial, ...]
    dtype: str


@dataclass(frozen=True, slots=True)
class Data:
    """Anything else: a pointwise graph down to loads and products."""

    shape: tuple[int, ...]
    dtype: str
    node: Node


Value = Integer | Mask | Pointer | View | Data


@dataclass(frozen=True, slots=True)
class Store:
    """A write, with the loops and conditions around it."""

    pointer: Pointer
    value: Node
    dtype: str
    conditions: tuple[Condition, ...]
    guards: tuple[Condition, ...]
    loops: tuple[Loop, ...]
    atomic: bool


def lane(axis: int) -> Polynomial:
    """Return the place of an element along a tensor axis."""
    return atom("lane", str(axis))


def always(condition: Condition, shape: tuple[int, ...]) -> bool:
    """Say whether ``low < high`` holds wherever a tile of this shape has an element, by numbers alone.

    So it is with ``lane < min(BLOCK, left)``: the tile is no longer than BLOCK.
    """
    if condition.low is None or condition.high is None:
        return False
    most = 0
    for monomial, factor in (condition.low - condition.high).terms.items():
        if not monomial:
            most += factor
        elif len(monomial) == 1 and monomial[0].kind == "lane":
            most += max(factor * (shape[int(monomial[0].name)] - 1), 0)
        else:
            return False
    return most < 0


def settled(mask: Mask) -> bool | None:
    """Return what a mask is everywhere, where numbers alone say it."""
    if not mask.conditions:
        return True
    known = ((part.low, part.high) for part in mask.conditions if part.low is not None and part.high is not None)
    return False if any(always(Condition(high, low + number(1)), mask.shape) for low, high in known) else None


def move_lanes(value: Value, places: Mapping[int, int], shape: tuple[int, ...]) -> Value:
    """Give a value another shape whose axis ``places[d]`` is the old axis ``d``."""
    change = _mover(places)
    match value:
        case Integer():
            return Integer(shape, value.value.rewrite(change))
        case Mask():
            both = (tuple(c.rewrite(change) for c in side) for side in (value.conditions, value.opposite))
            return Mask(shape, *both)
        case Pointer():
            return replace(value, shape=shape, offset=value.offset.rewrite(change))
        case Data():
            return Data(shape, value.dtype, _move_node(value.node, places, {}))
    return value


def _mover(places: Mapping[int, int]) -> Callable[[Atom], Polynomial | None]:
    return lambda part: lane(places.get(int(part.name), int(part.name))) if part.kind == "lane" else None


def _move_node(node: Node, places: Mapping[int, int], done: dict[int, Node]) -> Node:
    if id(node) in done:
        return done[id(node)]
    moved: Node = node
    match node:
        case Load():
            change = _mover(places)
            conditions = tuple(condition.rewrite(change) for condition in node.conditions)
            moved = replace(node, offset=node.offset.rewrite(change), conditions=conditions)
        case Place():
            moved = Place(tuple(condition.rewrite(_mover(places)) for condition in node.conditions))
        case Operator():
            moved = replace(node, arguments=tuple(_move_node(argument, places, done) for argument in node.arguments))
        case Product():
            rows, columns = node.lanes
            moved = replace(
                node,
                lanes=(places.get(rows, rows), places.get(columns, columns)),
                base=_move_node(node.base, places, done),
            )
        case Part():
            piece = None if node.piece is None else places.get(node.piece, node.piece)
            moved = replace(node, lanes=tuple(places.get(old, old) for old in node.lanes), piece=piece)
        case Reduced():
            moved = replace(node, kept=places.get(node.kept, node.kept))
        case Carried() if any(source != target for source, target in places.items()):
            moved = Blank("transposes or reshapes a value that a loop carries")
    done[id(node)] = moved
    return moved


def first_step(product: Product) -> Product:
    """What a sum of products over a loop is after one step; a product without a loop is itself."""
    if product.loop is None:
        return product
    counter = product.loop.counter

    def change(part: Atom) -> Polynomial | None:
        return number(0) if part.key == counter else None

    return replace(product, a=rewrite_loads(product.a, change), b=rewrite_loads(product.b, change), loop=None)


def rewrite_loads(node: Node, change: Callable[[Atom], Polynomial | None]) -> Node:
    """Rewrite every address and mask in a pointwise graph."""
    match node:
        case Load():
            conditions = tuple(condition.rewrite(change) for condition in node.conditions)
            return replace(node, offset=node.offset.rewrite(change), conditions=conditions)
        case Operator():
            return replace(node, arguments=tuple(rewrite_loads(argument, change) for argument in node.arguments))
    return node


def children(node: Node) -> tuple[Node, ...]:
    """Return the nodes that a node is made of."""
    match node:
        case Operator():
            return node.arguments
        case Product():
            return (node.a, node.b, node.base)
        case Part():
            return (node.whole,)
        case Reduced():
            return (node.value,)
    return ()


def contains(node: Node, wanted: Callable[[Node], bool]) -> bool:
    """Say whether the node or any below it is wanted."""
    seen: set[int] = set()
    stack = [node]
    while stack:
        current = stack.pop()
        if id(current) in seen:
            continue
        seen.add(id(current))
        if wanted(current):
            return True
        stack.extend(children(current))
    return False
