"""How far a candidate may be from the exact answer.

Measures of an output ``x`` against the oracle ``o``; ``rms`` is the root mean square:

* relative Frobenius error: ``||x - o|| / ||o||``, what all elements together are off by;
* largest error: ``max |x - o| / rms(o)``, what the worst element is off by;
* worst slice: ``||x - o|| / ||o||`` of one row or one column, the one that comes nearest to its bound (or exceeds it by
  most), so that small rows count as much as large ones. A vector is cut into groups of elements of like size;
* largest error over local scale: ``max |x - o| / s`` where ``s[i, j] = rms(o[i, :]) rms(o[:, j]) / rms(o)``. In a
  product ``A B`` the size of an element is as the norm of its row of A times that of its column of B, and ``s`` is the
  estimate of that from the output alone; where rows alone set the size, or nothing does, ``s`` is that as well.
  ``(u + sqrt(K) u32) |o|`` is taken off each difference first: the element's own rounding.

With ``e`` the original's error in the same measure, ``u`` the unit roundoff of the output's dtype, ``u32 = 2**-24``,
K the longest input dimension, n the number of elements, and ``g`` = 1 for norms and ``max |o| / rms(o)`` for the
largest error, the bounds are made of

* ``c = sqrt(K) max(h, u32 g)``, which admits another order of summation at equal precision. Rounding errors behave
  like independent variables of mean zero, so the error of a sum of K terms grows like ``sqrt(K) u`` and not like
  ``K u`` (N. J. Higham and T. Mary, "A New Approach to Probabilistic Rounding Error Analysis", SIAM J. Sci. Comput.
  41(5), 2019, theorem 3.1, here with lambda = 1, and 2 where the worst of many elements or slices is meant).
  Where inputs hold one value many times, roundings repeat too, and K stands in place of ``sqrt(K)``. ``h`` is the
  problem's conditioning, measured: how far the oracle moves, in the same measure and the same slice, when every input
  moves by ``u32``;
* ``f``, the underflow, in the measure's unit: K times what a product loses that is flushed to zero, 2**-126, and for
  float16 the spacing of its subnormals, 2**-24;
* what ``e`` may be off by for being one draw of a random quantity (below).

``no-worse``
    Frobenius: ``sqrt(e^2 + 4 min(p, q)) + u min(1, 4 / sqrt(n)) + c + f``. Both standard errors are of the mean over
    elements of ``(x - o)^2 - (original - o)^2``: ``p`` from the pairs as they are, near zero where the candidate rounds
    what the original rounds, so that an additional rounding shows beside a large error that both share; ``q`` as if
    the candidate's errors were another draw like the original's, which no candidate can widen. Elements of one row
    share the rounding of that row's inputs, and so do those of a column, so the variance is
    ``v(rows) + v(columns) - v(elements)`` of sums over each, where that is the larger (A. C. Cameron, J. B. Gelbach and
    D. L. Miller, "Robust Inference With Multiway Clustering", J. Bus. Econ. Stat. 29(2), 2011).
    Largest: ``max(e, 5 rms of the original's errors) + u g + 2 c + f`` (the largest of 10**5 normal draws is near 4.5).
    Slice of m elements among G: ``t max(e, median e) + u + 2 c + f``, ``t = 1 + (3 + sqrt(2 ln G)) / sqrt(m)``: two
    root mean squares of m draws have a ratio that is off by ``1 / sqrt(m)``, the largest of G such by ``sqrt(2 ln G)``
    times that. The median is over slices: a slice in which the original was lucky admits what is usual.
    Local: ``max(2 e, 5 r) + 2 c + f``, r the largest over rows of the rms of the original's errors in this measure.
``same``
    ``2 e + u g + f`` for the first two; slices ``2 t max(e, 2 median e) + u + f``; no local measure. Rounding the
    exact answer once is ``u g`` at most.
both, where the original does not run
    ``u (1 + 3 / sqrt(2 n))`` for Frobenius, ``3 u g`` for the largest, ``3 u`` for slices, plus ``c + f`` (``2 c + f``
    but for Frobenius); no local measure. One rounding to the dtype is off by ``u / sqrt(3)`` at most in root mean
    square, so this admits three independent ones (an intermediate result, the output), but no sum that is carried in
    the dtype itself.
``tolerance``
    ``|x - o| <= t + t |o|`` for every element, t = 1e-4 for float32 and 1e-2 for halves (KernelBench's ``allclose``),
    or, where the original itself is further off than that, not further than the original.

What exceeds a ``no-worse`` bound may be drawn again: :mod:`tilewright.prove.redraw`.

Zeros have a relative error of 1 in every norm and every slice: where a bound reaches 1, the measure says so, and for
how many slices. TF32 operands cost 2**-11 and an accumulator in float16 at least as much, thousands of times
``sqrt(K) u32`` on problems of this size: what the sampling terms admit is far from what a narrower precision costs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np

from tilewright.prove.halves import Array
from tilewright.prove.scan import SHORTEST, Memo, Part, Scan, scan

UNIT_ROUNDOFF = {"f64": 2.0**-53, "f32": 2.0**-24, "f16": 2.0**-11, "bf16": 2.0**-8}
"""Largest relative error of one rounding to nearest."""
FLUSHED = {"f64": 2.0**-1022, "f32": 2.0**-126, "f16": 2.0**-126, "bf16": 2.0**-126}
"""What one underflow of a product may cost: sums are carried in float32, whose subnormals fast instructions flush."""
ROUNDED = {"f64": 0.0, "f32": 0.0, "f16": 2.0**-24, "bf16": 0.0}
"""What rounding the result to a subnormal may cost beyond u: those of float16 are large, and kept."""
FROBENIUS, ELEMENT, ALLCLOSE = "relative Frobenius error", "largest error / rms", "allclose excess"
SLICE, LOCAL = "worst slice, relative error", "largest error / local scale"
_TOLERANCE = {"f64": 1e-4, "f32": 1e-4, "f16": 1e-2, "bf16": 1e-2}
_PIECE = 1 << 16
_MANY = 8
"""Rows, or columns, from which their spread says something."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One measure of a candidate, with what it may be."""

    measure: str
    error: float
    bound: float
    original_error: float | None
    worst_index: tuple[int, ...]
    """Of the worst element, in the output's own indices."""
    vacuous: str
    """Why an output that computes nothing would pass, or empty."""
    note: str = ""
    """Which slice is meant, and for how many slices zeros would pass."""

    @property
    def passed(self) -> bool:
        """Whether the error is inside the bound; NaN is not."""
        return self.error <= self.bound


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    """What the formulas of the module's docstring share, for one output; sums are in units of ``scan.unit``."""

    scan: Scan
    precision: str
    unit: float
    """u"""
    accumulated: float
    """The roundoff that sums are carried in: u32, or u64 of a float64 output."""
    root: float
    """sqrt(K), or K."""
    moved: float
    """What a difference of the moved oracle is multiplied by to be that of inputs moved by ``accumulated``."""
    floor: float
    """f before it is divided by the measure's unit."""

    def reordered(self, size: float | Array, moved: float | Array) -> float | Array:
        """c, in the unit of ``size``."""
        return self.root * np.maximum(np.asarray(moved) * self.moved, self.accumulated * np.asarray(size))


def relative_error(values: Array, oracle: Array, keep: Array | None = None) -> float:
    """Relative Frobenius error of the elements to ``keep``; absolute where the oracle is zero, 0 of nothing."""
    with np.errstate(invalid="ignore", over="ignore"):
        found = scan(values, oracle, None, None, keep=keep)
    return 0.0 if found is None else math.sqrt(found.candidate.total) / (math.sqrt(found.exact.total) or 1.0)


def measure(
    candidate: Array,
    oracle: Array,
    original: Array | None,
    moved_oracle: Array | None,
    *,
    dtype: str,
    precision: str,
    longest: int,
    moved_by: float,
    keep: Array | None = None,
    repeated: bool = False,
    memo: Memo | None = None,
) -> list[Measured]:
    """Compare one output of a candidate with the oracle.

    Args:
        candidate: what the candidate computed.
        oracle: the exact answer, of the same shape.
        original: what the original computed, or ``None`` where it does not run.
        moved_oracle: the oracle on inputs moved by ``moved_by``, or ``None`` where that is unknown.
        dtype: of the output, as ``f32``, ``f16``, ``bf16``, ``f64``.
        precision: ``same``, ``no-worse`` or ``tolerance``.
        longest: longest dimension of the inputs, K.
        moved_by: relative change of the inputs under ``moved_oracle``.
        keep: elements to compare, or ``None`` for all.
        repeated: whether inputs hold one value many times.
        memo: see :func:`tilewright.prove.scan.scan`.

    Returns:
        One entry a measure; two without a value to compare, where nothing is left.
    """
    if precision == "tolerance":
        return [_allclose(candidate, oracle, original, dtype, keep)]
    unit = UNIT_ROUNDOFF[dtype]
    accumulated = min(UNIT_ROUNDOFF["f32"], unit)
    root = float(longest) if repeated else math.sqrt(longest)
    own = unit + root * accumulated
    with np.errstate(invalid="ignore", over="ignore"):
        found = scan(candidate, oracle, original, moved_oracle, keep=keep, rounding=own, memo=memo)
    if found is None:
        return [_nothing(name) for name in (FROBENIUS, ELEMENT)]
    terms = _Terms(
        scan=found,
        precision=precision,
        unit=unit,
        accumulated=accumulated,
        root=root,
        moved=accumulated / moved_by,
        floor=(longest * FLUSHED[dtype] + ROUNDED[dtype]) / found.unit,
    )
    results = [_frobenius(terms, oracle.shape), _element(terms, oracle.shape)]
    for sliced in (_slices(terms, candidate, oracle, keep), _local(terms, oracle.shape)):
        if sliced is not None:
            results.append(sliced)
    return results


def _nothing(name: str) -> Measured:
    return Measured(
        measure=name, error=0.0, bound=0.0, original_error=None, worst_index=(), vacuous="the output is empty"
    )


def _frobenius(t: _Terms, shape: tuple[int, ...]) -> Measured:
    s = t.scan
    n, scale = s.count, math.sqrt(s.exact.total / s.count) or 1.0

    def relative(part: Part | None) -> float:
        return 0.0 if part is None else math.sqrt(part.total / n) / scale

    # 1, or 0 where the exact answer is zero throughout
    gain = relative(s.exact)
    conditioning = float(t.reordered(gain, relative(s.moved)))
    before = None if s.original is None else relative(s.original)
    if s.original is None or before is None:
        bound = t.unit * gain * (1.0 + 3.0 / math.sqrt(2.0 * n)) + conditioning
    elif t.precision == "same":
        bound = 2.0 * before + t.unit * gain
    else:
        squares = (s.original.rows, s.original.columns)
        drawn = 2.0 * _variance(s, squares, s.original.fourth)
        differences = (s.candidate.rows - s.original.rows, s.candidate.columns - s.original.columns)
        paired = _variance(s, differences, s.paired) if np.isfinite(s.candidate.total) else drawn
        deviation = math.sqrt(min(drawn, paired)) / scale / scale
        bound = math.sqrt(before * before + 4.0 * deviation) + t.unit * gain * min(1.0, 4.0 / math.sqrt(n))
        bound += conditioning
    bound += t.floor / scale
    mean = float(np.sum(s.sums[0])) / n
    flat = math.sqrt(max(0.0, s.exact.total / n - mean * mean)) / scale
    return Measured(
        measure=FROBENIUS,
        error=relative(s.candidate),
        bound=bound,
        original_error=before,
        worst_index=s.index(s.candidate.worst, shape),
        vacuous=_vacuous(gain <= bound, n > 1 and flat <= bound),
    )


def _variance(s: Scan, sums: tuple[Array, Array], squares: float) -> float:
    """Variance of a mean over elements that may depend on each other along rows and along columns.

    Args:
        s: for the number of elements.
        sums: of the quantity over each row and each column.
        squares: sum over elements of the quantity squared.
    """
    mean = float(np.sum(sums[0])) / s.count
    single = max(0.0, squares / s.count - mean * mean) / s.count
    grouped = -single
    for each, counts in zip(sums, s.counts, strict=True):
        enough = len(each) >= _MANY and s.order is None
        grouped += float(np.sum(np.square(each - mean * counts))) / s.count**2 if enough else single
    return max(single, grouped)


def _element(t: _Terms, shape: tuple[int, ...]) -> Measured:
    s = t.scan
    scale = math.sqrt(s.exact.total / s.count) or 1.0
    peak = s.exact.largest / scale
    conditioning = 2.0 * float(t.reordered(peak, 0.0 if s.moved is None else s.moved.largest / scale))
    before = None if s.original is None else s.original.largest / scale
    if s.original is None or before is None:
        bound = 3.0 * t.unit * peak + conditioning
    elif t.precision == "same":
        bound = 2.0 * before + t.unit * peak
    else:
        bound = max(before, 5.0 * math.sqrt(s.original.total / s.count) / scale) + t.unit * peak + conditioning
    bound += t.floor / scale
    mean = float(np.sum(s.sums[0])) / s.count
    # the least that the mean is off by at its worst: a bound near it is reported rather than believed
    flat = max(0.0, s.exact.largest - abs(mean)) / scale
    return Measured(
        measure=ELEMENT,
        error=s.candidate.largest / scale,
        bound=bound,
        original_error=before,
        worst_index=s.index(s.candidate.worst, shape),
        vacuous=_vacuous(peak <= bound, s.count > 1 and flat <= bound),
    )


def _vacuous(zeros: bool, constant: bool) -> str:
    return "zeros would pass" if zeros else "a constant would pass" if constant else ""


def _slices(t: _Terms, candidate: Array, oracle: Array, keep: Array | None) -> Measured | None:
    """The row or column that comes nearest to its bound."""
    s = t.scan
    found: list[Measured] = []
    weak = total = 0
    for axis in (0, 1):
        number, length = s.shape[axis], s.shape[1 - axis]
        if number < 2 or length < SHORTEST or (axis and s.order is not None):
            continue
        counts = np.maximum(s.counts[axis], 1)
        size = np.sqrt(_of(s.exact, axis) / counts)
        bounds, before = _slice_bounds(t, axis, size, counts)
        errors = np.sqrt(_of(s.candidate, axis) / counts)
        excess = np.divide(errors, bounds, out=np.where(errors > 0, np.inf, 0.0), where=bounds > 0)
        index = int(np.argmax(np.nan_to_num(excess, nan=np.inf, posinf=np.inf)))
        counted = (size > 0) & (s.counts[axis] >= SHORTEST)
        weak += int(np.count_nonzero(counted & (bounds >= size)))
        total += int(np.count_nonzero(counted))
        unit = float(size[index]) or math.sqrt(s.exact.total / s.count) or 1.0
        failed = not errors[index] <= bounds[index]
        found.append(
            Measured(
                measure=SLICE,
                error=float(errors[index]) / unit,
                bound=float(bounds[index]) / unit,
                original_error=None if before is None else float(before[index]) / unit,
                worst_index=_worst_in(s, axis, index, candidate, oracle, keep) if failed else (),
                vacuous="",
                note=_slice_name(s, axis, index, oracle.shape),
            )
        )
    if not found:
        return None
    worst = max(found, key=lambda m: (not m.passed, m.error / m.bound if m.bound else 0.0))
    note = f"{worst.note}; zeros would pass in {weak} of {total} slices" if weak else worst.note
    return replace(worst, note=note, vacuous="zeros would pass" if weak == total else "")


def _worst_in(s: Scan, axis: int, index: int, candidate: Array, oracle: Array, keep: Array | None) -> tuple[int, ...]:
    """The element of one slice that is most off."""
    rows, columns = s.shape
    flat = np.arange(columns) + index * columns if not axis else np.arange(rows) * columns + index
    if s.order is not None:
        flat = s.order[flat]
    off = np.abs(candidate.reshape(-1)[flat].astype(np.float64) - oracle.reshape(-1)[flat])
    if keep is not None:
        off = np.where(keep.reshape(-1)[flat], off, 0.0)
    place = int(flat[int(np.argmax(np.nan_to_num(off, nan=np.inf)))])
    return tuple(int(i) for i in np.unravel_index(place, oracle.shape))


def _of(part: Part, axis: int) -> Array:
    return part.columns if axis else part.rows


def _slice_name(s: Scan, axis: int, index: int, shape: tuple[int, ...]) -> str:
    if axis:
        return f"column {index}"
    if s.order is not None:
        return f"elements of like size as {list(s.index(index * s.shape[1], shape))}"
    return f"row {list(s.index(index * s.shape[1], shape)[:-1])}"


def _slice_bounds(t: _Terms, axis: int, size: Array, counts: Array) -> tuple[Array, Array | None]:
    """What each slice's rms error may be, and what the original's is."""
    s = t.scan
    moved = 0.0 if s.moved is None else np.sqrt(_of(s.moved, axis) / counts)
    reordered = 2.0 * np.asarray(t.reordered(size, moved)) + t.floor
    if s.original is None:
        return 3.0 * t.unit * size + reordered, None
    before = np.sqrt(_of(s.original, axis) / counts)
    known = size > 0
    usual = float(np.median(before[known] / size[known])) if known.any() else 0.0
    drawn = 1.0 + (3.0 + math.sqrt(2.0 * math.log(len(size)))) / np.sqrt(counts)
    if t.precision == "same":
        return 2.0 * drawn * np.maximum(before, 2.0 * usual * size) + t.unit * size + t.floor, before
    return drawn * np.maximum(before, usual * size) + t.unit * size + reordered, before


def _local(t: _Terms, shape: tuple[int, ...]) -> Measured | None:
    """The element that is most off for where it stands."""
    s = t.scan
    rows, columns = s.shape
    if s.original is None or t.precision != "no-worse" or s.order is not None or min(rows, columns) < SHORTEST:
        return None
    scale = math.sqrt(s.exact.total / s.count)
    if not scale:
        return None
    bound = max(2.0 * s.original.local, 5.0 * s.original.local_rms)
    bound += 2.0 * float(t.reordered(1.0, 0.0 if s.moved is None else s.moved.local)) + t.floor / scale
    return Measured(
        measure=LOCAL,
        error=max(0.0, s.candidate.local) if s.candidate.local == s.candidate.local else math.nan,
        bound=bound,
        original_error=s.original.local,
        worst_index=s.index(s.candidate.local_worst, shape),
        vacuous="zeros would pass" if bound >= 1.0 else "",
    )


def _allclose(candidate: Array, oracle: Array, original: Array | None, dtype: str, keep: Array | None) -> Measured:
    tolerance = _TOLERANCE[dtype]
    arrays = [None if a is None else a.reshape(-1) for a in (candidate, oracle, original, keep)]
    own, exact, first, kept = arrays
    assert own is not None
    assert exact is not None
    count = exact.size if kept is None else int(np.count_nonzero(kept))
    mean = float(np.mean(exact if kept is None else exact[kept], dtype=np.float64)) if count else 0.0
    error = before = zeros = constant = 0.0
    worst = 0
    for start in range(0, exact.size, _PIECE):
        at = slice(start, start + _PIECE)
        truth = exact[at].astype(np.float64)
        allowed = tolerance + tolerance * np.abs(truth)

        def excess(values: Array | float, at: slice = at, truth: Array = truth, allowed: Array = allowed) -> Array:
            with np.errstate(invalid="ignore"):
                off = np.abs(np.asarray(values, dtype=np.float64) - truth) / allowed
            return off if kept is None else np.where(kept[at], off, 0.0)

        off = excess(own[at])
        largest = float(np.max(off))
        if not largest <= error and error == error:
            error, worst = largest, start + int(np.argmax(off))
        before = before if first is None else max(before, float(np.max(excess(first[at]))))
        zeros, constant = max(zeros, float(np.max(excess(0.0)))), max(constant, float(np.max(excess(mean))))
    bound = max(1.0, before)
    return Measured(
        measure=ALLCLOSE,
        error=error,
        bound=bound,
        original_error=None if first is None else before,
        worst_index=tuple(int(i) for i in np.unravel_index(worst, oracle.shape)) if count and oracle.shape else (),
        vacuous=_vacuous(zeros <= bound, count > 1 and constant <= bound) if count else "the output is empty",
    )
