"""Sizes for dimensions that are free: such as the profiler's grid asks for, else large ones."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from fractions import Fraction

from tilewright.capture.search import Search
from tilewright.capture.shapes import Shapes

_BY_RANK = {0: 1, 1: 1 << 20, 2: 4096, 3: 512}
"""What a dimension of a tensor of this rank starts from; above rank 3 it is 64."""
_FACTORS = (1, Fraction(1, 2), 2, Fraction(1, 4), 4, Fraction(1, 8), 8, Fraction(1, 16), 16)
_MOST_ELEMENTS = 1 << 31


def choose(search: Search, shapes: Shapes, grid_sizes: Mapping[str, int]) -> tuple[Shapes, tuple[str, ...]]:
    """Shapes with realistic sizes, distinct where possible, and what is to be said about them.

    Args:
        search: the search that found ``shapes``.
        shapes: with which forward runs.
        grid_sizes: kernel to number of programs.
    """
    wanted = {name: count for name, count in grid_sizes.items() if count >= 1}
    plain = _settled(search, _default(shapes))
    if plain is None:
        return shapes, ()
    counts = _programs(search, plain)
    kernel = next((name for name in counts if name in wanted), None)
    if kernel is None:
        return plain, ()
    target = int(wanted[kernel])
    for apart in (True, False):
        trial = _fitted(search, plain, kernel, target, apart)
        if trial is not None:
            return trial, (f"{kernel} then has {target} programs, as the metrics say",)
    search.attempt(plain)
    return plain, (f"the metrics say {target} programs of {kernel}; with these shapes there are {counts[kernel]}",)


def _default(shapes: Shapes) -> Shapes:
    result = shapes.copy()
    used = {result.sizes[each] for each in result.in_use() if each in result.fixed}
    for each in result.in_use():
        if each in result.fixed:
            continue
        base = min(_BY_RANK.get(len(row), 64) for row in result.classes if each in row)
        size = next((int(base * factor) for factor in _FACTORS if int(base * factor) not in used), base)
        result.sizes[each] = size
        used.add(size)
    _cap(result)
    return result


def _cap(shapes: Shapes) -> None:
    """Halve the largest free size until every tensor stays under 2**31 elements."""
    for index, row in enumerate(shapes.classes):
        while math.prod(shapes.shape(index)) >= _MOST_ELEMENTS:
            free = [each for each in row if each not in shapes.fixed and shapes.sizes[each] > 1]
            if not free:
                break
            largest = max(free, key=lambda each: shapes.sizes[each])
            shapes.sizes[largest] //= 2


def _settled(search: Search, shapes: Shapes) -> Shapes | None:
    """``shapes``, or what they become when the code demands more; ``None`` where forward refuses such sizes."""
    trial = shapes.copy()
    return search.unify(trial)


def _programs(search: Search, shapes: Shapes) -> dict[str, int]:
    """Programs of each kernel's first launch; empty where forward does not run."""
    if not search.attempt(shapes):
        return {}
    counts: dict[str, int] = {}
    for note in search.recorder.notes:
        counts.setdefault(note.compiled.source.fn.__name__, math.prod(note.grid))
    return counts


def _fitted(search: Search, plain: Shapes, kernel: str, target: int, apart: bool) -> Shapes | None:
    """Shapes for which ``kernel`` has ``target`` programs, its own dimensions as near to a square as may be."""
    base = _driving(search, plain, kernel)
    if not base:
        return plain if _programs(search, plain).get(kernel) == target else None
    level = plain.copy()
    start = max(level.sizes[each] for each in base) if len(base) == 1 else _middle([level.sizes[each] for each in base])
    for each in base:
        level.sizes[each] = start
    programs = _programs(search, level).get(kernel)
    if not programs:
        return None
    for exponents, odd in _spread(Fraction(target, programs), len(base), apart):
        trial = level.copy()
        for number, each in enumerate(base):
            size = start * Fraction(2) ** exponents[number] * (odd if number == 0 else 1)
            if size.denominator != 1 or size < 1:
                break
            trial.sizes[each] = int(size)
        else:
            _place_others(trial, base, apart)
            if _programs(search, trial).get(kernel) == target:
                return trial
    return None


def _driving(search: Search, plain: Shapes, kernel: str) -> list[int]:
    """Classes in proportion to which the number of programs grows."""
    before = _programs(search, plain).get(kernel, 0)
    found = []
    for each in plain.in_use():
        if each in plain.fixed:
            continue
        trial = plain.copy()
        trial.sizes[each] *= 2
        if _programs(search, trial).get(kernel) == 2 * before:
            found.append(each)
    return found


def _spread(ratio: Fraction, count: int, apart: bool) -> list[tuple[list[int], Fraction]]:
    """Powers of two for ``count`` sizes whose product, with one odd factor, is ``ratio``."""
    twos = 0
    odd = ratio
    while odd.numerator % 2 == 0:
        odd, twos = odd / 2, twos + 1
    while odd.denominator % 2 == 0:
        odd, twos = odd * 2, twos - 1
    even, rest = divmod(twos, count)
    exponents = [even + (1 if number >= count - rest else 0) for number in range(count)]
    if not apart or count == 1:
        return [(exponents, odd)]
    results = []
    for width in range(3):
        middle = (count - 1) / 2
        moved = [each + round((number - middle) * width) for number, each in enumerate(exponents)]
        moved[-1] += twos - sum(moved)
        if len(set(moved)) == count:
            results.append((moved, odd))
    return results


def _place_others(shapes: Shapes, base: Sequence[int], apart: bool) -> None:
    """Sizes that the grid does not depend on: like the largest that it does, but different."""
    used = {shapes.sizes[each] for each in shapes.in_use() if each in base or each in shapes.fixed}
    largest = max(shapes.sizes[each] for each in base)
    for each in shapes.in_use():
        if each in base or each in shapes.fixed:
            continue
        low_rank = min(len(row) for row in shapes.classes if each in row) <= 2
        start = largest if low_rank and largest <= 1 << 14 else shapes.sizes[each]
        options = (int(start * factor) for factor in (1, 2, Fraction(1, 2), 4, Fraction(1, 4), 8, 16))
        size = next((option for option in options if option >= 1 and option not in used), start) if apart else start
        shapes.sizes[each] = size
        used.add(size)
    free = shapes.copy()
    free.fixed |= set(base)
    _cap(free)
    shapes.sizes = free.sizes


def _middle(values: Sequence[int]) -> int:
    """The power of two nearest to the geometric mean."""
    return int(2 ** round(sum(math.log2(value) for value in values) / len(values)))
