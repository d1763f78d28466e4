"""How far a candidate is from the exact answer over several draws of one distribution.

The budget (:mod:`tilewright.prove.budget`) judges one draw. Where the errors of an output are few independent ones,
one draw says little: a candidate whose errors are distributed as the original's is off by twice as much in every
fourth draw. Here all draws are looked at as one output with an axis more. The measures are the budget's, each with the
candidate and with the original in the candidate's place:

* relative Frobenius error, largest error: of each draw, in units of the oracle's rms over all draws;
* worst slice: of each draw the worst row (or column; elements of like size: the group of one rank), each in units of
  what this row of the oracle is over all draws, so that a row that is near zero in one draw does not stand for all;
* largest error over local scale: of each draw, with rows and columns over all draws in the scale.

``a`` is the root mean square over the D draws of the candidate's measure, ``b`` the original's. The bound is

    ``max(sqrt(F) b, l) + w``

* ``w``: what does not come of chance in the budget's bound, by the same formulas: ``u min(1, 4 / sqrt(n)) + c + f``,
  ``u g + 2 c + f``, ``u + 2 c + f`` and ``2 c + f`` for the four measures.
* ``l``: what the budget admits in any case: 5 rms of the original's errors for the largest error; for the local measure
  5 r and twice the original's.
* ``F``: the 0.99 quantile of the F distribution with (D v, D v) degrees of freedom: errors of equal variance exceed
  the bound in one of a hundred second looks. ``v``, the degrees of freedom of one draw, follow from how much the square
  ``s`` of the original's measure varies from draw to draw: ``2 mean(s)^2 / variance(s)`` (F. E. Satterthwaite, "An
  Approximate Distribution of Estimates of Variance Components", Biometrics Bulletin 2(6), 1946). Half of that is used,
  because nine draws know the variance badly (simulated: the level is then 0.5 % to 1.5 %, and up to 3.7 % without), and
  never less than one. With D = 9 and v = 1, ``sqrt(F)`` is 2.3.

So where errors are few, an arithmetic up to 2.3 times worse than the original's may pass; where a draw has a hundred
independent errors, one that is 1.2 times worse rarely does. The candidate has no influence on ``F``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from tilewright.prove import budget
from tilewright.prove.halves import Array
from tilewright.prove.scan import SHORTEST, as_matrices

_NORMAL_QUANTILE = 2.326348
"""Of the standard normal distribution, at 0.99."""
_MOST_FREEDOM = 1e9


@dataclass(frozen=True, slots=True, kw_only=True)
class Draw:
    """One output of one draw."""

    candidate: Array
    oracle: Array
    original: Array
    moved: Array | None
    """The oracle on moved inputs."""
    keep: Array | None
    """Elements to compare, or ``None`` for all."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pooled:
    """One measure over all draws."""

    error: float
    """Root mean square over draws of the candidate's."""
    bound: float
    original_error: float
    draws: int

    @property
    def passed(self) -> bool:
        """Whether the error is inside the bound; NaN is not."""
        return self.error <= self.bound


def f_quantile(freedom: float) -> float:
    """The 0.99 quantile of the F distribution with ``freedom`` degrees of freedom above and below, 9 or more.

    Formulas 26.5.22 and 26.6.16 of M. Abramowitz and I. A. Stegun (editors), "Handbook of Mathematical Functions",
    1964, of which a term vanishes where both degrees of freedom are equal; within 1 % from 9 on.
    """
    h = freedom - 1.0
    excess = (_NORMAL_QUANTILE**2 - 3.0) / 6.0
    return math.exp(2.0 * _NORMAL_QUANTILE * math.sqrt(h + excess) / h)


def pooled(draws: Sequence[Draw], *, dtype: str, longest: int, repeated: bool, moved_by: float) -> dict[str, Pooled]:
    """The measures of one output over all draws, by the budget's names.

    Args:
        draws: two or more, of one shape.
        dtype: of the output, as ``f32``, ``f16``, ``bf16``, ``f64``.
        longest: longest dimension of the inputs, K.
        repeated: whether inputs hold one value many times.
        moved_by: relative change of the inputs under the moved oracles.
    """
    with np.errstate(invalid="ignore", over="ignore"):
        stack = _Stack(draws, dtype, longest, repeated=repeated, moved_by=moved_by)
        found = {budget.FROBENIUS: stack.frobenius(), budget.ELEMENT: stack.element()}
        if (sliced := stack.slices()) is not None:
            found[budget.SLICE] = sliced
        if (local := stack.local()) is not None:
            found[budget.LOCAL] = local
    return found


def _rms(values: Array) -> float:
    return math.sqrt(float(np.mean(np.square(values))))


def _ratio(squares: Array) -> float:
    """sqrt(F), for the original's squared measure in each draw."""
    mean, variance = float(np.mean(squares)), float(np.var(squares, ddof=1))
    freedom = mean * mean / variance if variance > 0 else _MOST_FREEDOM
    return math.sqrt(f_quantile(len(squares) * min(max(1.0, freedom), _MOST_FREEDOM)))


class _Stack:
    """Matrices of all draws: draws, rows, columns; in one unit, and zero where nothing is compared."""

    def __init__(self, draws: Sequence[Draw], dtype: str, longest: int, *, repeated: bool, moved_by: float) -> None:
        pairs = [as_matrices([d.candidate, d.oracle, d.original, d.moved, d.keep]) for d in draws]
        parts = [matrices for matrices, _ in pairs]
        self.sorted = any(order is not None for _, order in pairs)
        oracles = [np.asarray(matrices[1], dtype=np.float64) for matrices in parts]
        self.kept = np.stack(
            [np.ones(o.shape, bool) if m[4] is None else m[4] for o, m in zip(oracles, parts, strict=True)]
        )
        exact = np.where(self.kept, np.stack(oracles), 0.0)
        peak = float(np.max(np.abs(exact), initial=0.0))
        # a power of two, so that squares stay in range and nothing rounds
        unit = 2.0 ** math.floor(math.log2(peak)) if peak else 1.0
        self.exact = exact / unit

        def off(index: int) -> Array:
            each = [m[1] if m[index] is None else m[index] for m in parts]
            values = np.where(self.kept, np.stack([np.asarray(a, dtype=np.float64) for a in each]), 0.0)
            return np.asarray(np.abs(values / unit - self.exact))

        self.candidate, self.original, self.moved = off(0), off(2), off(3)
        self.unit = budget.UNIT_ROUNDOFF[dtype]
        self.accumulated = min(budget.UNIT_ROUNDOFF["f32"], self.unit)
        self.root = float(longest) if repeated else math.sqrt(longest)
        self.moving = self.accumulated / moved_by
        self.floor = (longest * budget.FLUSHED[dtype] + budget.ROUNDED[dtype]) / unit
        self.scale = self._mean(self.exact) or 1.0

    def _mean(self, values: Array) -> float:
        """Root mean square of what is compared."""
        return math.sqrt(float(np.sum(np.square(values))) / max(1, int(np.count_nonzero(self.kept))))

    def _reordered(self, moved: float, size: float) -> float:
        """c of the budget."""
        return self.root * max(moved * self.moving, self.accumulated * size)

    def _judged(self, candidate: Array, original: Array, fixed: float, least: float = 0.0) -> Pooled:
        """Of the measures of each draw."""
        before = _rms(original)
        return Pooled(
            error=_rms(candidate),
            bound=max(_ratio(np.square(original)) * before, least) + fixed,
            original_error=before,
            draws=len(candidate),
        )

    def frobenius(self) -> Pooled:
        """Of all elements together."""
        counts = np.maximum(1, np.count_nonzero(self.kept, axis=(1, 2)))

        def each(off: Array) -> Array:
            return np.asarray(np.sqrt(np.sum(np.square(off), axis=(1, 2)) / counts) / self.scale)

        gain = float(self.exact.any())
        fixed = self.unit * gain * min(1.0, 4.0 / math.sqrt(float(np.min(counts))))
        fixed += self._reordered(_rms(each(self.moved)), gain) + self.floor / self.scale
        return self._judged(each(self.candidate), each(self.original), fixed)

    def element(self) -> Pooled:
        """Of the worst element of each draw."""

        def each(off: Array) -> Array:
            return np.asarray(np.max(off, axis=(1, 2)) / self.scale)

        peak = float(np.max(np.abs(self.exact))) / self.scale
        fixed = self.unit * peak + 2.0 * self._reordered(_rms(each(self.moved)), peak) + self.floor / self.scale
        least = 5.0 * self._mean(self.original) / self.scale
        return self._judged(each(self.candidate), each(self.original), fixed, least)

    def slices(self) -> Pooled | None:
        """Of the worst row of each draw, or the worst column: that of both which comes nearer to its bound."""
        found = []
        for axis in (0, 1):
            number, length = self.exact.shape[1 + axis], self.exact.shape[2 - axis]
            if number >= 2 and length >= SHORTEST and not (axis and self.sorted):
                found.append(self._sliced(2 - axis))
        return max(found, key=lambda one: (not one.passed, one.error / one.bound if one.bound else 0.0), default=None)

    def _sliced(self, along: int) -> Pooled:
        counts = np.count_nonzero(self.kept, axis=along)
        size = np.sqrt(np.sum(np.square(self.exact), axis=(0, along)) / np.maximum(1, counts.sum(axis=0)))
        size = np.where(size > 0, size, self.scale)

        def each(off: Array, floor: float = 0.0) -> Array:
            means = np.sqrt(np.sum(np.square(off), axis=along) / np.maximum(1, counts))
            return np.asarray(np.max(np.maximum(0.0, means - floor) / size, axis=1))

        fixed = self.unit + 2.0 * self._reordered(_rms(each(self.moved)), 1.0)
        return self._judged(each(self.candidate, self.floor), each(self.original), fixed)

    def local(self) -> Pooled | None:
        """Of the element of each draw that is most off for where it stands."""
        if self.sorted or min(self.exact.shape[1:]) < SHORTEST or not self.exact.any():
            return None
        squares, counts = np.square(self.exact), self.kept.astype(np.float64)
        rows, columns = (
            np.sqrt(squares.sum(axis=over, keepdims=True) / np.maximum(1.0, counts.sum(axis=over, keepdims=True)))
            for over in ((0, 2), (0, 1))
        )
        size = rows * columns / self.scale
        known = size > 0
        own = (self.unit + self.root * self.accumulated) * np.abs(self.exact)

        def relative(off: Array) -> Array:
            return np.asarray(np.divide(np.maximum(0.0, off - own), size, out=np.zeros(off.shape), where=known))

        def each(off: Array) -> Array:
            return np.asarray(np.max(relative(off), axis=(1, 2)))

        usual = np.sqrt(np.max(np.mean(np.square(relative(self.original)), axis=(0, 2))))
        before = each(self.original)
        fixed = 2.0 * self._reordered(_rms(each(self.moved)), 1.0) + self.floor / self.scale
        return self._judged(each(self.candidate), before, fixed, max(2.0 * _rms(before), 5.0 * float(usual)))
