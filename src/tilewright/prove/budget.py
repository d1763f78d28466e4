"""How far a candidate may be from the exact answer.

Two measures of an output ``x`` against the oracle ``o``, both relative to the oracle's root mean square ``rms(o)``:

* relative Frobenius error: ``||x - o|| / ||o||``, what all elements together are off by;
* largest error: ``max |x - o| / rms(o)``, what the worst element is off by.

With ``e`` the original's error in the same measure, ``u`` the unit roundoff of the output's dtype, ``g`` = 1 for the
first measure and ``max |o| / rms(o)`` for the second, the bounds are

* ``same``: ``2 e + u g``. Rounding the exact answer once is ``u g`` at most.
* ``no-worse``: ``s(e) + u g + sqrt(K) max(h, u32 g)``, where ``u32 = 2**-24``. The last term admits another order of
  summation at equal precision. Rounding errors behave like independent variables of mean zero, so the error of a sum
  of K terms grows like ``sqrt(K) u`` and not like ``K u`` (N. J. Higham and T. Mary, "A New Approach to Probabilistic
  Rounding Error Analysis", SIAM J. Sci. Comput. 41(5), 2019, theorem 3.1, here with lambda = 1). ``h`` is the problem's
  conditioning, measured: how far the oracle moves when every input moves by ``u32``. K is the longest input dimension.
  ``s(e)`` allows for ``e`` being one draw of a random quantity: ``e (1 + 3 / sqrt(2 n))``, three standard deviations
  of a root mean square of n draws, for the first measure; and for the second the larger of ``e`` and five times the
  original's root mean square error (the largest of 10**5 normal draws is near 4.5 deviations).
* both, where the original does not run: ``s(u)`` for the first measure, ``3 u g`` for the second, plus the last term of
  ``no-worse``. One rounding to the dtype is off by ``u / sqrt(3)`` at most in root mean square, so this admits three
  independent ones (an intermediate result, the output), but no sum that is carried in the dtype itself.
* ``tolerance``: ``|x - o| <= t + t |o|`` for every element, t = 1e-4 for float32 and 1e-2 for halves (KernelBench's
  ``allclose``), or, where the original itself is further off than that, not further than the original.

TF32 operands cost 2**-11 and an accumulator in float16 at least as much, thousands of times ``sqrt(K) u32`` on problems
of this size: what the sampling terms admit is far from what a narrower precision costs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from tilewright.prove.halves import Array

UNIT_ROUNDOFF = {"f64": 2.0**-53, "f32": 2.0**-24, "f16": 2.0**-11, "bf16": 2.0**-8}
"""Largest relative error of one rounding to nearest."""
LARGEST = {"f64": float(np.finfo(np.float64).max), "f32": 3.4028235e38, "f16": 65504.0, "bf16": 3.3895314e38}
"""Largest finite value."""
FROBENIUS, ELEMENT, ALLCLOSE = "relative Frobenius error", "largest error / rms", "allclose excess"
_TOLERANCE = {"f64": 1e-4, "f32": 1e-4, "f16": 1e-2, "bf16": 1e-2}


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """One measure of a candidate, with what it may be."""

    measure: str
    error: float
    bound: float
    original_error: float | None
    worst_index: tuple[int, ...]
    vacuous: str
    """Why an output that computes nothing would pass, or empty."""

    @property
    def passed(self) -> bool:
        """Whether the error is inside the bound; NaN is not."""
        return self.error <= self.bound


def rms(values: Array) -> float:
    """Root mean square; 0 of nothing."""
    return math.sqrt(float(np.mean(np.square(values)))) if values.size else 0.0


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
) -> list[Measured]:
    """Compare one output of a candidate with the oracle.

    Args:
        candidate: what the candidate computed, as float64; elements that the comparison skips are removed already.
        oracle: the exact answer, of the same shape.
        original: what the original computed, or ``None`` where it does not run.
        moved_oracle: the oracle on inputs moved by ``moved_by``, or ``None`` where that is unknown.
        dtype: of the output, as ``f32``, ``f16``, ``bf16``, ``f64``.
        precision: ``same``, ``no-worse`` or ``tolerance``.
        longest: longest dimension of the inputs, K.
        moved_by: relative change of the inputs under ``moved_oracle``.
    """
    if precision == "tolerance":
        return [_allclose(candidate, oracle, original, dtype)]
    scale = rms(oracle) or 1.0
    unit = UNIT_ROUNDOFF[dtype]
    accumulated = min(UNIT_ROUNDOFF["f32"], unit)
    off = np.abs(candidate - oracle) / scale
    original_off = None if original is None else np.abs(original - oracle) / scale
    moved = np.zeros(1) if moved_oracle is None else np.abs(moved_oracle - oracle) / scale * (accumulated / moved_by)
    peak = float(np.max(np.abs(oracle), initial=0.0)) / scale
    typical = None if original_off is None else rms(original_off)
    results = []
    for name, pick, gain in ((FROBENIUS, rms, 1.0), (ELEMENT, _largest, peak)):
        before = None if original_off is None else pick(original_off)
        conditioning = math.sqrt(longest) * max(pick(moved), accumulated * gain)
        sampling = 1.0 + 3.0 / math.sqrt(2.0 * max(1, off.size))
        if before is None or typical is None:
            bound = unit * (sampling if name == FROBENIUS else 3.0 * gain) + conditioning
        elif precision == "same":
            bound = 2.0 * before + unit * gain
        else:
            sampled = before * sampling if name == FROBENIUS else max(before, 5.0 * typical)
            bound = sampled + unit * gain + conditioning
        results.append(
            Measured(
                measure=name,
                error=pick(off),
                bound=bound,
                original_error=before,
                worst_index=_worst(off),
                vacuous=_vacuous(oracle, scale, pick, bound),
            )
        )
    return results


def _largest(values: Array) -> float:
    return float(np.max(values, initial=0.0))


def _worst(values: Array) -> tuple[int, ...]:
    if not values.size:
        return ()
    return tuple(int(i) for i in np.unravel_index(int(np.argmax(np.nan_to_num(values, nan=np.inf))), values.shape))


def _vacuous(oracle: Array, scale: float, pick: object, bound: float) -> str:
    """Would zeros, or the best constant, be inside ``bound``?"""
    assert callable(pick)
    if not oracle.size:
        return "the output is empty"
    if pick(np.abs(oracle) / scale) <= bound:
        return "zeros would pass"
    if oracle.size > 1 and pick(np.abs(oracle - float(np.mean(oracle))) / scale) <= bound:
        return "a constant would pass"
    return ""


def _allclose(candidate: Array, oracle: Array, original: Array | None, dtype: str) -> Measured:
    tolerance = _TOLERANCE[dtype]
    allowed = tolerance + tolerance * np.abs(oracle)
    off = np.abs(candidate - oracle) / allowed
    before = None if original is None else _largest(np.abs(original - oracle) / allowed)
    bound = max(1.0, before or 0.0)
    constant = 0.0 if oracle.size < 2 else float(np.mean(oracle))
    vacuous = ""
    if not oracle.size or _largest(np.abs(oracle) / allowed) <= bound:
        vacuous = "zeros would pass" if oracle.size else "the output is empty"
    elif _largest(np.abs(oracle - constant) / allowed) <= bound:
        vacuous = "a constant would pass"
    return Measured(
        measure=ALLCLOSE,
        error=_largest(off),
        bound=bound,
        original_error=before,
        worst_index=_worst(off),
        vacuous=vacuous,
    )
