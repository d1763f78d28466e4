"""Splits an address into strides along the tile, and what moves the tile."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TypeVar

from tilewright.families.ttir import polynomial as p
from tilewright.families.ttir.polynomial import Atom, Monomial, Polynomial
from tilewright.families.ttir.state import DeclinedError
from tilewright.families.ttir.values import Condition

Key = TypeVar("Key")
Terms = Mapping[Monomial, Polynomial]
"""Products of things that vary from program to program or step to step, each with its constant factor."""

ZERO = p.number(0)
_MOVING = ("program", "programs", "counter")
_UNFOLLOWED = {
    "loaded": "computes an address from a value that it loaded",
    "carried": "carries an index through a loop that does not advance by a constant step",
    "unknown": "computes an index by an operation that is not followed",
    "select": "chooses an index by a condition",
}


@dataclass(frozen=True, slots=True)
class Affine:
    """``sum(strides[d] * lane d) + sum(terms[g] * g) + rest``."""

    strides: Mapping[int, Polynomial]
    terms: Terms
    rest: Polynomial


@dataclass(frozen=True, slots=True)
class Bound:
    """``lane + terms < bound``: where an axis ends, and where its tile begins."""

    terms: Terms
    bound: Polynomial


def affine(value: Polynomial) -> Affine:
    """Split a polynomial whose lanes stand outside every quotient.

    Raises:
        DeclinedError: It is not linear in the lanes, or holds something that is not followed.
    """
    strides: dict[int, Polynomial] = {}
    terms: dict[Monomial, Polynomial] = {}
    rest = ZERO
    for monomial, factor in value.terms.items():
        lanes = [atom for atom in monomial if atom.kind == "lane"]
        moving = tuple(atom for atom in monomial if atom.kind != "lane" and varies(atom))
        fixed = Polynomial({tuple(atom for atom in monomial if atom not in lanes and atom not in moving): factor})
        for atom in moving:
            _check_followed(atom)
        if lanes:
            if len(lanes) > 1 or moving:
                raise DeclinedError("computes an address that is not linear in the element's place")
            axis = int(lanes[0].name)
            strides[axis] = strides.get(axis, ZERO) + fixed
        elif moving:
            terms[moving] = terms.get(moving, ZERO) + fixed
        else:
            rest = rest + fixed
    return Affine(_nonzero(strides), _nonzero(terms), rest)


def unwrap(value: Polynomial) -> tuple[Polynomial, tuple[Condition, ...]]:
    """Take each ``index % size`` (also ``where(index < size, index, 0)``, ``min(index, size - 1)``) for ``index``.

    Such a wrap keeps an address inside the tensor where the mask of the store will drop the result. The conditions
    returned are the ``index < size`` under which it changes nothing.
    """
    assumed: list[Condition] = []

    def change(atom: Atom) -> Polynomial | None:
        if not any(argument.mentions("lane") for argument in atom.arguments):
            return None
        match atom.kind, atom.arguments:
            case "rem", (index, size) if not size.mentions("lane"):
                assumed.append(Condition(index, size))
                return index.rewrite(change)
            case "select", (low, high, chosen, _) if chosen.mentions("lane"):
                assumed.append(Condition(low, high))
                return chosen.rewrite(change)
            case "min", sides:
                index, size = sorted(sides, key=lambda side: not side.mentions("lane"))
                if not size.mentions("lane"):
                    assumed.append(Condition(index, size + p.number(1)))
                    return index.rewrite(change)
        return None

    return value.rewrite(change), tuple(assumed)


def bound_of(condition: Condition) -> tuple[int, Bound] | None:
    """Read a condition as the end of one axis; ``None`` where it does not end an axis."""
    if condition.low is None or condition.high is None:
        return None
    try:
        parts = affine(unwrap(condition.low)[0] - unwrap(condition.high)[0])
    except DeclinedError:
        return None
    if len(parts.strides) != 1:
        return None
    ((axis, stride),) = parts.strides.items()
    return (axis, Bound(parts.terms, -parts.rest)) if stride.constant == 1 else None


@dataclass(frozen=True, slots=True)
class Sided:
    """``lane low + terms + gap <= lane high``: one side of a diagonal of a tensor."""

    low: int
    high: int
    terms: Terms
    gap: int


def side_of(condition: Condition) -> Sided | None:
    """Read a condition as one side of a diagonal; ``None`` where it is something else."""
    if condition.low is None or condition.high is None:
        return None
    try:
        parts = affine(condition.low - condition.high)
    except DeclinedError:
        return None
    lanes = {stride.constant: axis for axis, stride in parts.strides.items()}
    gap = parts.rest.constant
    if set(lanes) != {1, -1} or len(parts.strides) != 2 or gap is None:
        return None
    return Sided(lanes[1], lanes[-1], parts.terms, gap + 1)


def fits(base: Terms, terms: Terms, stride: Polynomial) -> bool:
    """Say whether an index that moves by ``base`` explains those terms of an address with that stride."""
    return all(terms.get(key, ZERO) == factor * stride for key, factor in base.items())


def without(terms: Terms, base: Terms, stride: Polynomial) -> Terms:
    """Return the terms that are left once an index that moves by ``base`` is taken out."""
    return _nonzero({key: value - base.get(key, ZERO) * stride for key, value in terms.items()})


def as_polynomial(terms: Terms) -> Polynomial:
    """Add the terms up."""
    total = ZERO
    for monomial, factor in terms.items():
        total = total + Polynomial({monomial: 1}) * factor
    return total


def varies(atom: Atom) -> bool:
    """Say whether an atom has different values in different programs or steps."""
    kinds = (*_MOVING, *_UNFOLLOWED)
    if atom.kind == "select":
        return True
    return atom.kind in kinds or any(argument.mentions(*kinds) for argument in atom.arguments)


def _check_followed(atom: Atom) -> None:
    for inner in Polynomial({(atom,): 1}).atoms():
        if inner.kind == "lane":
            raise DeclinedError("computes an address that is not linear in the element's place")
        if inner.kind in _UNFOLLOWED and inner.kind != "select":
            raise DeclinedError(_UNFOLLOWED[inner.kind])


def _nonzero(values: Mapping[Key, Polynomial]) -> dict[Key, Polynomial]:
    return {key: value for key, value in values.items() if value.terms}
