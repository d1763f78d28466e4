"""One length for an axis that several descriptors end: each brings its own, and a launch passes them alike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tilewright.families.contraction.lift_access import Bound
from tilewright.families.contraction.lift_axes import Access, summed_length
from tilewright.families.ttir.polynomial import Polynomial
from tilewright.families.ttir.state import DeclinedError
from tilewright.families.ttir.values import Product


def alike(
    a: Access,
    b: Access,
    outputs: Sequence[Access],
    product: Product,
    parts: Mapping[str, int],
    values: Mapping[str, int],
) -> tuple[Access, Access, list[Access]]:
    """The accesses, with one name for the length of m, n and k each wherever the launch passed equal lengths.

    A mask's own bound comes first, then the number that the loop over k goes to, then the length of what is stored.

    Args:
        a: What is read on the left.
        b: What is read on the right.
        outputs: What is stored.
        product: The sum of products.
        parts: Lengths and strides that came with descriptors.
        values: Every whole number of the launch, the parts too.
    """
    if not parts:
        return a, b, list(outputs)
    every = [*outputs, a, b]
    known = {f"parameter.{name}": value for name, value in values.items()}
    for axis in "mnk":
        bounds = [bound for access in every for bound in access.bounds_of(axis)]
        names = [bound.bound for bound in bounds if not _is_part(bound.bound, parts) and _fixed(bound.bound)]
        if axis == "k" and bounds:
            names += _looped(bounds, product)
        names += [bound.bound for bound in bounds if _is_part(bound.bound, parts)]

        def named(bound: Bound, names: Sequence[Polynomial] = tuple(names)) -> Bound:
            if not _is_part(bound.bound, parts):
                return bound
            length = bound.bound.evaluate(known)
            return replace(bound, bound=next(name for name in names if name.evaluate(known) == length))

        every = [
            replace(access, bounds=tuple((n, named(x) if access.axes.get(axis) == n else x) for n, x in access.bounds))
            for access in every
        ]
    *stored, left, right = every
    return left, right, stored


def _is_part(bound: Polynomial, parts: Mapping[str, int]) -> bool:
    return bound.single is not None and bound.single.kind == "parameter" and bound.single.name in parts


def _fixed(bound: Polynomial) -> bool:
    return all(atom.kind == "parameter" for atom in bound.atoms() if not atom.arguments)


def _looped(bounds: Sequence[Bound], product: Product) -> list[Polynomial]:
    """The parameter that says how far the loop over k goes, where there is one."""
    if product.loop is None:
        return []
    try:
        lengths = [summed_length(bound.terms, product.loop, product.shape[2]) for bound in bounds]
    except DeclinedError:
        return []
    return [one for one in lengths if one is not None and one.single is not None and one.single.kind == "parameter"]
