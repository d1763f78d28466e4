"""Finds the axes of a product: where each tile begins, how long the axes are, which terms are a batch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tilewright.families.contraction.lift_access import (
    ZERO,
    Affine,
    Bound,
    Sided,
    Terms,
    affine,
    as_polynomial,
    bound_of,
    fits,
    side_of,
    unwrap,
    varies,
    without,
)
from tilewright.families.ttir import polynomial as p
from tilewright.families.ttir.polynomial import Atom, Monomial, Polynomial
from tilewright.families.ttir.state import DeclinedError
from tilewright.families.ttir.values import Condition, Load, Loop, Node, Product, Reduced, Store, children
from tilewright.records.algorithm import Order


@dataclass(frozen=True, slots=True)
class Access:
    """A tensor seen from a tile: its address, the conditions it is read or written under, the axis of each lane."""

    parameter: str
    dtype: str
    address: Affine
    bounds: tuple[tuple[int, Bound], ...]
    wraps: tuple[tuple[int, Bound], ...]
    axes: Mapping[str, int]
    sides: tuple[Sided, ...] = ()
    """Diagonals of which one side alone is read or written."""

    def stride(self, axis: str) -> Polynomial:
        """Stride along m, n or k."""
        return self.address.strides.get(self.axes[axis], ZERO) if axis in self.axes else ZERO

    def bounds_of(self, axis: str) -> list[Bound]:
        """Every end given for the axis, those of masks first."""
        return [bound for place, bound in (*self.bounds, *self.wraps) if self.axes.get(axis) == place]


@dataclass(frozen=True, slots=True)
class Axis:
    """One of m, n and k: where its tile begins, and its length where that is said."""

    base: Terms
    extent: Polynomial | None


@dataclass(frozen=True, slots=True)
class Batch:
    """A batch axis: the terms that add up to its index, and each tensor's stride along it."""

    index: tuple[Monomial, ...]
    strides: Mapping[str, Polynomial]
    """Role (``a``, ``b``, ``out0`` …) to stride."""

    @property
    def value(self) -> Polynomial:
        """The index."""
        return Polynomial(dict.fromkeys(self.index, 1))


@dataclass(frozen=True, slots=True)
class Axes:
    """All axes of a product."""

    m: Axis
    n: Axis
    k: Axis
    batches: tuple[Batch, ...]
    wrapped: bool
    masked_k: bool

    def left_over(self, access: Access) -> Terms:
        """Return the terms of an address that m, n and k do not explain."""
        terms = access.address.terms
        for name, axis in (("m", self.m), ("n", self.n), ("k", self.k)):
            if name in access.axes:
                terms = without(terms, axis.base, access.stride(name))
        return terms

    def ends(self, condition: Condition, lanes: Mapping[str, int]) -> bool:
        """Say whether a condition is the end of m or n."""
        found = bound_of(condition)
        known = {lanes[name]: axis for name, axis in (("m", self.m), ("n", self.n)) if name in lanes}
        if found is None or found[0] not in known:
            return False
        axis, bound = known[found[0]], found[1]
        return bound.bound == axis.extent and bound.terms == axis.base

    def orders(self, sides: Sequence[Sided], lanes: Mapping[str, int]) -> tuple[Order, ...]:
        """Diagonals of a tile as orders of the indices along m, n and k.

        Raises:
            DeclinedError: A diagonal is not one of those indices.
        """
        starts = {"m": self.m.base, "n": self.n.base, "k": self.k.base}
        names = {lane: axis for axis, lane in lanes.items()}
        found = []
        for side in sides:
            low, high = names[side.low], names[side.high]
            if as_polynomial(starts[low]) - as_polynomial(starts[high]) != as_polynomial(side.terms):
                raise DeclinedError("masks one side of a diagonal that its addresses do not have")
            found.append(Order(low=low, high=high, gap=side.gap))
        return tuple(dict.fromkeys(found))


def read(
    parameter: str, dtype: str, offset: Polynomial, conditions: Sequence[Condition], axes: Mapping[str, int]
) -> Access:
    """Describe a tensor as it is seen from a tile.

    Raises:
        DeclinedError: The address or a mask is not followed.
    """
    plain, assumed = unwrap(offset)
    address = affine(plain)
    places = set(axes.values())
    if any(axis not in places for axis in address.strides):
        raise DeclinedError(f"reads or writes {parameter} along an axis that the product does not have")
    bounds, sides = [], []
    for condition in conditions:
        if condition.low is None or condition.high is None:
            raise DeclinedError(f"reads or writes {parameter} under a mask that is not a bound on an index")
        found, side = bound_of(condition), side_of(condition)
        if found is not None:
            bounds.append(found)
        elif side is not None:
            sides.append(side)
        elif not _harmless(condition):
            raise DeclinedError(f"reads or writes {parameter} under a mask that does not end an axis")
    wraps = tuple(found for found in map(bound_of, assumed) if found is not None)
    return Access(parameter, dtype, address, tuple(bounds), wraps, axes, tuple(sides))


def read_load(load: Load, axes: Mapping[str, int]) -> Access:
    """Describe what a load reads."""
    return read(load.parameter, load.dtype, load.offset, load.conditions, axes)


def solve(a: Access, b: Access, outputs: Sequence[Access], product: Product, *, atomic: bool) -> Axes:
    """Find the axes that explain every address.

    Raises:
        DeclinedError: Some address is not explained by m, n, k and batch axes.
    """
    block_m, block_n, block_k = product.shape
    m = _tile_axis("m", a, b, outputs, block_m)
    n = _tile_axis("n", b, a, outputs, block_n)
    rest_a = without(a.address.terms, m.base, a.stride("m"))
    rest_b = without(b.address.terms, n.base, b.stride("n"))
    k = _sum_axis(a, b, rest_a, rest_b, outputs, product, block_k, atomic=atomic)
    if not atomic:
        _refuse_parts(m, n, k, outputs)
    _check_masks(a, b, outputs, m, n, k, atomic=atomic)
    masked_k = any(bound.terms == k.base for x in (a, b) for bound in x.bounds_of("k"))
    bare = Axes(m, n, k, (), wrapped=any(x.wraps for x in (a, b)), masked_k=masked_k)
    roles = {"a": a, "b": b, **{f"out{i}": output for i, output in enumerate(outputs)}}
    batches = _batches({role: bare.left_over(access) for role, access in roles.items()}, product.loop)
    return Axes(m, n, k, batches, bare.wrapped, bare.masked_k)


def _tile_axis(axis: str, operand: Access, other: Access, outputs: Sequence[Access], block: int) -> Axis:
    accesses = (*(output for output in outputs if axis in output.axes), operand)
    for access in accesses:
        if not access.stride(axis).terms and access is not operand:
            raise DeclinedError(f"stores {access.parameter} without moving along {axis}")
    candidates = [bound for access in accesses for bound in access.bounds_of(axis)]
    for bound in candidates:
        if all(fits(bound.terms, access.address.terms, access.stride(axis)) for access in accesses):
            return Axis(bound.terms, bound.bound)
    if candidates:
        raise DeclinedError(f"masks {axis} by an index that its addresses do not use")
    starts: dict[Monomial, Polynomial] = {}
    first = accesses[0]
    for key, value in first.address.terms.items():
        start = value.divided(first.stride(axis))
        if start is None or start.constant is None or start.constant % block or key in other.address.terms:
            continue
        if all(fits({key: start}, access.address.terms, access.stride(axis)) for access in accesses):
            starts[key] = start
    walking = {atom.key for key, start in starts.items() if start.constant == block for atom in _programs(key)}
    return Axis({key: start for key, start in starts.items() if walking & {atom.key for atom in _programs(key)}}, None)


def _programs(key: Monomial) -> list[Atom]:
    """The program ids and counters that a term moves with; a batch has others than a tile."""
    return [atom for atom in Polynomial({key: 1}).atoms() if atom.kind in ("program", "counter")]


def _sum_axis(
    a: Access, b: Access, rest_a: Terms, rest_b: Terms, outputs: Sequence[Access], product: Product, block: int,
    *, atomic: bool,
) -> Axis:  # fmt: skip
    counter = product.loop.counter if product.loop else ""

    def counts(key: Monomial) -> bool:
        return any(atom.key == counter for atom in key)

    candidates = [*a.bounds_of("k"), *b.bounds_of("k")]
    matching = [
        bound
        for bound in candidates
        if fits(bound.terms, rest_a, a.stride("k")) and fits(bound.terms, rest_b, b.stride("k"))
        and not any(counts(key) for key in without(rest_a, bound.terms, a.stride("k")))
    ]  # fmt: skip
    if matching:  # the end of a program's own part of k moves with the program: less is left of what moves the tile
        whole = max(matching, key=lambda bound: len(bound.terms))
        return Axis(whole.terms, whole.bound)
    still = all(not bound.terms for bound in candidates)
    if candidates and not (still and product.loop):
        raise DeclinedError("masks the summed axis by an index that its addresses do not use")
    base: dict[Monomial, Polynomial] = {}
    for key, value in rest_a.items():
        start = value.divided(a.stride("k"))
        stored = any(key in output.address.terms for output in outputs)
        if start is not None and (counts(key) or (atomic and not stored)) and fits({key: start}, rest_b, b.stride("k")):
            base[key] = start
    return Axis(base, summed_length(base, product.loop, block))


def summed_length(base: Terms, loop: Loop | None, block: int) -> Polynomial | None:
    """Length of an unmasked k: what the loop covers.

    Raises:
        DeclinedError: The loop does not move along k.
    """
    if loop is None:
        return p.number(block)
    per_step = [value for key, value in base.items() if any(atom.key == loop.counter for atom in key)]
    if len(per_step) != 1:
        raise DeclinedError("sums over a loop that does not move along the operands")
    distance, step = loop.last - loop.first, loop.step
    single = distance.single
    if step.constant == 1 and single is not None and single.kind == "div" and single.arguments[1] == per_step[0]:
        rounded = single.arguments[0] - per_step[0] + p.number(1)
        return rounded if rounded.constant is None and () not in rounded.terms else single.arguments[0]
    total = distance * per_step[0]
    return total.divided(step) if not any(atom.kind in ("program", "counter") for atom in total.atoms()) else None


def _check_masks(a: Access, b: Access, outputs: Sequence[Access], m: Axis, n: Axis, k: Axis, *, atomic: bool) -> None:
    known = {"m": m, "n": n, "k": k}
    for access in (a, b, *outputs):
        for name in access.axes:
            for place, bound in access.bounds:
                if access.axes[name] != place or bound.bound == known[name].extent:
                    continue
                if name == "k" and atomic:
                    continue
                raise DeclinedError(f"masks {access.parameter} along {name} by two different bounds")


def _refuse_parts(m: Axis, n: Axis, k: Axis, outputs: Sequence[Access]) -> None:
    """Decline a kernel each of whose programs sums one part of k and stores it in a place of its own.

    Raises:
        DeclinedError: It does, so what it stores is no product yet.
    """
    moving = {atom for key in k.base for atom in key if varies(atom) and atom.kind != "counter"}
    for output in outputs:
        left = without(output.address.terms, m.base, output.stride("m"))
        if any(atom in moving for key in without(left, n.base, output.stride("n")) for atom in key):
            raise DeclinedError(
                f"stores the sum over each part of k beside the others, in {output.parameter}: "
                "a split of k whose parts are added up elsewhere"
            )


def _batches(left: Mapping[str, Terms], loop: Loop | None) -> tuple[Batch, ...]:
    grouped: dict[tuple[Polynomial, ...], list[Monomial]] = {}
    keys = dict.fromkeys(key for terms in left.values() for key in terms)
    for key in keys:
        if loop is not None and any(atom.key == loop.counter for atom in key):
            raise DeclinedError("moves an operand in the summing loop by more than the summed axis")
        strides = tuple(terms.get(key, ZERO) for terms in left.values())
        if not all(stride.terms for role, stride in zip(left, strides, strict=True) if role.startswith("out")):
            raise DeclinedError("reads along a program axis that its output does not have")
        grouped.setdefault(strides, []).append(key)
    return tuple(Batch(tuple(index), dict(zip(left, strides, strict=True))) for strides, index in grouped.items())


def _harmless(condition: Condition) -> bool:
    """A condition on the whole tile, or ``index >= 0``."""
    assert condition.low is not None
    assert condition.high is not None
    if not condition.low.mentions("lane") and not condition.high.mentions("lane"):
        return True
    try:
        parts = affine(unwrap(condition.low)[0] - unwrap(condition.high)[0])
    except DeclinedError:
        return False
    return all(stride.constant == -1 for stride in parts.strides.values()) and parts.rest.constant == -1


def tile_start(axis: Axis) -> Polynomial:
    """Index of the tile's first element."""
    return as_polynomial(axis.base)


def product_axes(product: Product) -> tuple[Mapping[str, int], Mapping[str, int], Mapping[str, int]]:
    """Lane of each axis in the tiles of a, b and the product."""
    rows, columns = product.lanes
    return {"m": 0, "k": 1}, {"k": 0, "n": 1}, {"m": rows, "n": columns}


def stored_axes(store: Store, axes: Mapping[str, int]) -> Mapping[str, int]:
    """Lane of each axis in what a store writes, where ``axes`` are those of the product's tile.

    Raises:
        DeclinedError: It writes a number, or a vector that is no reduction of the tile.
    """
    names = {lane: axis for axis, lane in axes.items()}
    reduced = {names[lane] for lane in _reduced_lanes(store.value)}
    rank = len(store.pointer.shape)
    if rank > max(axes.values()):
        return {axis: lane for axis, lane in axes.items() if axis not in reduced or store.pointer.shape[lane] != 1}
    left = axes.keys() - reduced
    if rank != 1 or len(left) != 1:
        raise DeclinedError("stores what it makes of its tile in another shape")
    return dict.fromkeys(left, 0)


def _reduced_lanes(node: Node) -> set[int]:
    """The axes of the tile along which a value is reduced."""
    inner = {lane for child in children(node) for lane in _reduced_lanes(child)}
    return inner | {node.axis} if isinstance(node, Reduced) else inner


def written(store: Store, axes: Mapping[str, int]) -> Access:
    """Describe what a store writes, ``axes`` being those of the product's tile."""
    lanes = stored_axes(store, axes)
    return read(store.pointer.parameter, store.dtype, store.pointer.offset, store.conditions, lanes)
