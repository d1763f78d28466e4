"""One pass over an output, piece by piece: every sum and maximum that the error budget is made of.

An output is looked at as a matrix: rows run along its last dimension, columns across all others. An output whose rows
are shorter than :data:`SHORTEST` (a vector, a column) is sorted by the size of the exact answer first, and groups of
:data:`SHORTEST` neighbours take the place of rows: elements of like size are measured against each other.
Pieces are small enough to stay in a processor's cache, so that nothing of the output's size is ever allocated.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from tilewright.prove.halves import Array

SHORTEST = 16
"""Elements that a group must have to be measured on its own."""
_PIECE = 1 << 15
_LARGEST_SORTED = 1 << 21
_SAFE = 2.0**200
"""Magnitudes whose fourth powers are neither zero nor infinite in float64."""


@dataclass(slots=True)
class Part:
    """How far one array is from the oracle. Squares are sums, not means; all in the unit of :attr:`Scan.unit`."""

    rows: Array
    columns: Array
    largest: float = 0.0
    worst: int = 0
    local: float = 0.0
    """Largest difference, after ``rounding`` times the exact element is taken off, over the local scale."""
    local_worst: int = 0
    local_rms: float = 0.0
    """Largest root mean square, over a row, of differences over the local scale."""
    fourth: float = 0.0

    @property
    def total(self) -> float:
        """Sum of all squares."""
        return float(np.sum(self.rows))


@dataclass(slots=True, kw_only=True)
class Scan:
    """Sums over one output."""

    shape: tuple[int, int]
    """Rows and columns of the matrix; rows are groups of like size where ``order`` is set."""
    count: int
    """Elements compared."""
    unit: float
    """All sums are of values divided by this power of two, so that squares stay in range."""
    order: Array | None
    counts: tuple[Array, Array]
    """Elements compared in each row and each column."""
    exact: Part
    """The oracle itself: its difference from zero."""
    sums: tuple[Array, Array]
    """Plain sums of the oracle over rows and columns."""
    candidate: Part
    original: Part | None = None
    moved: Part | None = None
    paired: float = 0.0
    """Sum over elements of (candidate's square - original's square) squared."""

    def index(self, flat: int, shape: tuple[int, ...]) -> tuple[int, ...]:
        """Where in an output of ``shape`` the element ``flat`` of the matrix lies."""
        place = int(self.order[flat]) if self.order is not None else flat
        return tuple(int(i) for i in np.unravel_index(place, shape)) if shape else ()


@dataclass(slots=True, kw_only=True)
class Memo:
    """What was measured of everything but the candidate."""

    known: tuple[Scan, tuple[Array, Array]] | None = None
    """A scan whose candidate is not to be looked at, and the inverse scales of rows and columns."""


def scan(
    candidate: Array,
    oracle: Array,
    original: Array | None,
    moved: Array | None,
    *,
    keep: Array | None = None,
    rounding: float = 0.0,
    memo: Memo | None = None,
) -> Scan | None:
    """Measure three arrays against ``oracle``.

    Args:
        candidate: of any float type.
        oracle: of the same shape.
        original: of the same shape, or ``None``.
        moved: of the same shape, or ``None``.
        keep: which elements count; the others may hold anything. ``None`` counts all.
        rounding: relative rounding that is taken off before the local measure.
        memo: of this oracle, original and moved oracle with this ``keep``: what does not depend on the candidate is
            measured once for all candidates.

    Returns:
        ``None`` where nothing is left to compare.
    """
    count = oracle.size if keep is None else int(np.count_nonzero(keep))
    if not count:
        return None
    matrices, order = as_matrices([candidate, oracle, original, moved, keep])
    return _Scanner(matrices, order, count, rounding).run(memo)


def as_matrices(arrays: list[Array | None]) -> tuple[list[Array | None], Array | None]:
    """Candidate, oracle, original, moved oracle and what to keep as matrices, and the order if elements are sorted."""
    oracle = arrays[1]
    assert oracle is not None
    columns = oracle.shape[-1] if oracle.ndim else 1
    if columns >= SHORTEST and oracle.ndim > 1:
        return [None if a is None else a.reshape(-1, columns) for a in arrays], None
    if not 2 * SHORTEST <= oracle.size <= _LARGEST_SORTED:
        # neighbours stand together where there are too many to sort, and all as one row where there are too few
        width = math.gcd(oracle.size, _PIECE) if oracle.size > _LARGEST_SORTED else 1
        return [None if a is None else a.reshape(-1, width if width > 1 else a.size) for a in arrays], None
    keep = arrays[4]
    magnitude = np.abs(oracle.reshape(-1)) if keep is None else np.where(keep, np.abs(oracle), 0.0).reshape(-1)
    order = np.argsort(magnitude, kind="stable")[::-1]
    # what does not fill a group joins the group of the smallest by way of elements that do not count
    missing = -order.size % SHORTEST
    padded = np.concatenate([order, np.repeat(order[-1:], missing)])
    counted = np.ones(oracle.size, dtype=bool) if keep is None else keep.reshape(-1)
    mask = counted[padded]
    mask[order.size :] = False
    result = [None if a is None else a.reshape(-1)[padded].reshape(-1, SHORTEST) for a in arrays[:4]]
    return [*result, mask.reshape(-1, SHORTEST)], padded


class _Scanner:
    def __init__(self, matrices: list[Array | None], order: Array | None, count: int, rounding: float) -> None:
        candidate, oracle, self.original, self.moved, self.keep = matrices
        assert candidate is not None
        assert oracle is not None
        self.own, self.oracle, self.order, self.count, self.rounding = candidate, oracle, order, count, rounding
        self.shape: tuple[int, int] = (oracle.shape[0], oracle.shape[1])
        self.step = max(1, _PIECE // max(1, self.shape[1]))
        self.unit = 1.0
        self.inverse = (np.zeros(self.shape[0]), np.zeros(self.shape[1]))

    def _peak(self) -> float:
        if self.keep is None:
            return float(max(np.max(self.oracle), -np.min(self.oracle)))
        return float(np.max(np.abs(self.oracle), initial=0.0, where=self.keep))

    def _part(self) -> Part:
        return Part(np.zeros(self.shape[0]), np.zeros(self.shape[1]))

    def _piece(self, array: Array, at: slice) -> Array:
        """Of ``array``, in units of the scan; not to be written to."""
        values = np.asarray(array[at], dtype=np.float64)
        return values if self.unit == 1.0 else values / self.unit

    def _pieces(self) -> list[slice]:
        return [slice(start, min(start + self.step, self.shape[0])) for start in range(0, self.shape[0], self.step)]

    def run(self, memo: Memo | None) -> Scan:
        known = None if memo is None else memo.known
        if known is None:
            result = self._exactly()
        else:
            result, self.inverse = replace(known[0], candidate=self._part(), paired=0.0), known[1]
            self.unit = result.unit
        for at in self._pieces():
            self._measure(result, at, again=known is not None)
        if memo is not None and known is None:
            memo.known = (replace(result, candidate=self._part()), self.inverse)
        return result

    def _exactly(self) -> Scan:
        """The oracle's own sums, and nothing yet of what is measured against it."""
        peak = self._peak()
        self.unit = 1.0 if 1 / _SAFE < peak < _SAFE or not peak else float(2.0 ** np.floor(np.log2(peak)))
        rows, columns = self.shape
        exact = self._part()
        sums = (np.zeros(rows), np.zeros(columns))
        for at in self._pieces():
            values = self._piece(self.oracle, at)
            if self.keep is not None:
                values = np.where(self.keep[at], values, 0.0)
            sums[0][at] = values.sum(axis=1)
            sums[1][:] += values.sum(axis=0)
            self._squares(exact, np.square(values), at)
        exact.largest = self._peak() / self.unit
        if self.keep is None:
            counts = (np.full(rows, columns), np.full(columns, rows))
        else:
            counts = (np.count_nonzero(self.keep, axis=1), np.count_nonzero(self.keep, axis=0))
        if self.order is None and rows >= SHORTEST:
            scale = np.sqrt(exact.total / self.count)
            self.inverse = tuple(
                np.divide(s, r, out=np.zeros_like(r), where=r > 0)
                for s, r in (
                    (scale, np.sqrt(exact.rows / np.maximum(counts[0], 1))),
                    (1.0, np.sqrt(exact.columns / np.maximum(counts[1], 1))),
                )
            )
        return Scan(
            shape=self.shape,
            count=self.count,
            unit=self.unit,
            order=self.order,
            counts=counts,
            exact=exact,
            sums=sums,
            candidate=self._part(),
            original=None if self.original is None else self._part(),
            moved=None if self.moved is None else self._part(),
        )

    def _measure(self, result: Scan, at: slice, *, again: bool) -> None:
        """Add one piece; ``again``: the original and the moved oracle have been measured."""
        oracle = self._piece(self.oracle, at)
        keep = None if self.keep is None else self.keep[at]
        weights = np.square(self.inverse[1])
        squares: list[Array] = []
        for array, part in ((self.own, result.candidate), (self.original, result.original), (self.moved, result.moved)):
            if array is None or part is None or (again and part is result.moved):
                continue
            off = self._piece(array, at) - oracle
            if keep is not None:
                off[~keep] = 0.0
            np.abs(off, out=off)
            square = np.square(off)
            if part is not result.moved:
                squares.append(square)
            if again and part is result.original:
                continue
            self._squares(part, square, at)
            scaled = np.sqrt((square @ weights) / self.shape[1]) * self.inverse[0][at]
            part.local_rms = max(part.local_rms, float(np.max(scaled)))
            part.largest, part.worst = _larger(part.largest, part.worst, off, at.start * self.shape[1])
            if not self.inverse[1].any():
                continue
            if part is result.candidate:
                own = np.abs(oracle)
                own *= self.rounding
                off -= own if keep is None else np.where(keep, own, 0.0)
            off *= self.inverse[0][at, None]
            off *= self.inverse[1]
            part.local, part.local_worst = _larger(part.local, part.local_worst, off, at.start * self.shape[1])
        if result.original is not None:
            flat = squares[1].reshape(-1)
            if not again:
                result.original.fourth += float(flat @ flat)
            difference = squares[0].reshape(-1) - flat
            result.paired += float(difference @ difference)

    @staticmethod
    def _squares(part: Part, square: Array, at: slice) -> None:
        part.rows[at] = square.sum(axis=1)
        part.columns += square.sum(axis=0)


def _larger(largest: float, worst: int, values: Array, offset: int) -> tuple[float, int]:
    found = float(values.max())
    if found <= largest or np.isnan(largest):
        return largest, worst
    return found, offset + int(np.argmax(values))
