"""Integer values in a normal form: polynomials over atoms.

An atom is a program id, a parameter, an element's place along a tensor axis (``lane``), a loop's counter, or an
operation that is no polynomial (quotient, remainder, minimum …) of polynomials. Quotients and remainders are
those of numbers that are not negative, which is what index arithmetic works with.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any

import numpy as np


class Atom:
    """One factor of a monomial; equal keys are equal atoms."""

    __slots__ = ("arguments", "key", "kind", "name")

    def __init__(self, kind: str, name: str = "", arguments: tuple[Polynomial, ...] = ()) -> None:
        self.kind, self.name, self.arguments = kind, name, arguments
        self.key = (
            f"{kind}.{name}({', '.join(argument.key for argument in arguments)})" if arguments else f"{kind}.{name}"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Atom) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return self.key


Monomial = tuple[Atom, ...]


class Polynomial:
    """An immutable sum of whole-number multiples of monomials."""

    __slots__ = ("key", "terms")

    key: str
    terms: dict[Monomial, int]

    def __init__(self, terms: Mapping[Monomial, int]) -> None:
        kept = [(monomial, factor) for monomial, factor in terms.items() if factor]
        kept.sort(key=lambda term: tuple(atom.key for atom in term[0]))
        self.terms = dict(kept)
        self.key = (
            " + ".join("*".join([str(factor), *(atom.key for atom in monomial)]) for monomial, factor in kept) or "0"
        )

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Polynomial) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.key)

    def __repr__(self) -> str:
        return self.key

    def __add__(self, other: Polynomial) -> Polynomial:
        terms = dict(self.terms)
        for monomial, factor in other.terms.items():
            terms[monomial] = terms.get(monomial, 0) + factor
        return Polynomial(terms)

    def __neg__(self) -> Polynomial:
        return Polynomial({monomial: -factor for monomial, factor in self.terms.items()})

    def __sub__(self, other: Polynomial) -> Polynomial:
        return self + -other

    def __mul__(self, other: Polynomial) -> Polynomial:
        terms: dict[Monomial, int] = {}
        for left, left_factor in self.terms.items():
            for right, right_factor in other.terms.items():
                product = tuple(sorted(left + right, key=lambda atom: atom.key))
                terms[product] = terms.get(product, 0) + left_factor * right_factor
        return Polynomial(terms)

    @property
    def constant(self) -> int | None:
        """The number this is, if it is one."""
        if not self.terms:
            return 0
        return self.terms.get((), None) if len(self.terms) == 1 else None

    @property
    def single(self) -> Atom | None:
        """The atom this is, if it is one."""
        if len(self.terms) == 1:
            ((monomial, factor),) = self.terms.items()
            if factor == 1 and len(monomial) == 1:
                return monomial[0]
        return None

    def atoms(self) -> Iterator[Atom]:
        """Yield every atom, those inside other atoms too."""
        for monomial in self.terms:
            for atom in monomial:
                yield atom
                for argument in atom.arguments:
                    yield from argument.atoms()

    def mentions(self, *kinds: str) -> bool:
        """Say whether an atom of one of these kinds occurs anywhere."""
        return any(atom.kind in kinds for atom in self.atoms())

    def divided(self, divisor: Polynomial) -> Polynomial | None:
        """Return the exact quotient, or ``None`` where there is none; the divisor must be a single term."""
        if len(divisor.terms) != 1:
            return number(1) if self == divisor else (number(0) if not self.terms else None)
        ((by, by_factor),) = divisor.terms.items()
        quotient: dict[Monomial, int] = {}
        for monomial, factor in self.terms.items():
            left = list(monomial)
            for atom in by:
                if atom not in left:
                    return None
                left.remove(atom)
            if factor % by_factor:
                return None
            quotient[tuple(left)] = factor // by_factor
        return Polynomial(quotient)

    def rewrite(self, change: Callable[[Atom], Polynomial | None]) -> Polynomial:
        """Replace each atom that ``change`` answers for; arguments of the others are rewritten in turn."""
        result = number(0)
        for monomial, factor in self.terms.items():
            product = number(factor)
            for atom in monomial:
                product = product * _rewritten(atom, change)
            result = result + product
        return result

    def evaluate(self, values: Mapping[str, Any]) -> Any:
        """Evaluate with a number or NumPy array for each atom's key.

        Raises:
            KeyError: An atom has no value.
        """
        total: Any = 0
        for monomial, factor in self.terms.items():
            product: Any = factor
            for atom in monomial:
                product = product * _atom_value(atom, values)
            total = total + product
        return total

    def expression(self) -> str:
        """Return the value as an IndexExpression; only parameters may occur.

        Raises:
            ValueError: Something other than a parameter occurs.
        """
        parts = []
        for monomial, factor in self.terms.items():
            factors = [_atom_text(atom) for atom in monomial]
            if abs(factor) != 1 or not factors:
                factors.append(str(abs(factor)))
            parts.append((factor < 0, " * ".join(factors)))
        parts.sort(key=lambda part: part[0])
        text = "".join((" - " if minus else " + ") + part for minus, part in parts)
        return "0" if not text else text[3:] if text.startswith(" + ") else "-" + text[3:]


def number(value: int) -> Polynomial:
    """Return a whole number."""
    return Polynomial({(): value})


def atom(kind: str, name: str = "", *arguments: Polynomial) -> Polynomial:
    """Return a single atom."""
    return Polynomial({(Atom(kind, name, arguments),): 1})


def quotient(left: Polynomial, right: Polynomial) -> Polynomial:
    """Return ``left // right``."""
    if right.constant != 0:
        exact = left.divided(right)
        if exact is not None:
            return exact
        if left.constant is not None and right.constant is not None:
            return number(left.constant // right.constant)
    return atom("div", "", left, right)


def remainder(left: Polynomial, right: Polynomial) -> Polynomial:
    """Return ``left % right``."""
    if right.constant != 0:
        if left.divided(right) is not None:
            return number(0)
        if left.constant is not None and right.constant is not None:
            return number(left.constant % right.constant)
    return atom("rem", "", left, right)


def smaller(left: Polynomial, right: Polynomial) -> Polynomial:
    """Return the minimum."""
    if left.constant is not None and right.constant is not None:
        return number(min(left.constant, right.constant))
    return left if left == right else atom("min", "", *sorted((left, right), key=lambda side: side.key))


def larger(left: Polynomial, right: Polynomial) -> Polynomial:
    """Return the maximum."""
    if left.constant is not None and right.constant is not None:
        return number(max(left.constant, right.constant))
    return left if left == right else atom("max", "", *sorted((left, right), key=lambda side: side.key))


_REBUILD: dict[str, Callable[[Polynomial, Polynomial], Polynomial]] = {
    "div": quotient,
    "rem": remainder,
    "min": smaller,
    "max": larger,
}
_NUMPY: dict[str, Callable[[Any, Any], Any]] = {
    "div": lambda left, right: left // np.where(right == 0, 1, right),
    "rem": lambda left, right: left % np.where(right == 0, 1, right),
    "min": np.minimum,
    "max": np.maximum,
}
_TEXT = {"div": "({} // {})", "rem": "({} % {})", "min": "min({}, {})", "max": "max({}, {})"}


def _rewritten(part: Atom, change: Callable[[Atom], Polynomial | None]) -> Polynomial:
    answer = change(part)
    if answer is not None:
        return answer
    if not part.arguments:
        return Polynomial({(part,): 1})
    arguments = [argument.rewrite(change) for argument in part.arguments]
    if part.kind in _REBUILD:
        return _REBUILD[part.kind](*arguments)
    return atom(part.kind, part.name, *arguments)


def _atom_value(part: Atom, values: Mapping[str, Any]) -> Any:
    if part.key in values:
        return values[part.key]
    if part.kind == "select":
        low, high, chosen, other = (argument.evaluate(values) for argument in part.arguments)
        return np.where(low < high, chosen, other)
    if part.kind not in _NUMPY:
        raise KeyError(part.key)
    left, right = (argument.evaluate(values) for argument in part.arguments)
    return _NUMPY[part.kind](left, right)


def _atom_text(part: Atom) -> str:
    if part.kind == "parameter":
        return part.name
    if part.kind not in _TEXT:
        raise ValueError(f"{part.key} is no expression over parameters")
    texts = []
    for argument in part.arguments:
        text = argument.expression()
        grouped = part.kind in ("div", "rem") and (len(argument.terms) > 1 or any(len(m) > 1 for m in argument.terms))
        texts.append(f"({text})" if grouped else text)
    return _TEXT[part.kind].format(*texts)
