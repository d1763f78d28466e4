"""Comparisons of two files that nobody ran: a model of what disturbs times on a GPU."""

from __future__ import annotations

import math

import numpy as np

from tilewright.records.timing import Decision
from tilewright.timing.sequential import LOOKS, look


def log_ratios(rng: np.random.Generator, ratio: float, sigma: float) -> np.ndarray:
    """One logarithm a block, as an ABBA block gives them: calls with heavy tails, outliers, drift and slow waves."""
    calls = 4 * LOOKS[-1]
    noise = rng.standard_t(3, calls) / math.sqrt(3) * sigma + (rng.random(calls) < 0.03) * rng.exponential(0.3, calls)
    drift = np.cumsum(rng.normal(0, 5e-4, calls)) + 0.02 * np.sin(np.arange(calls) / 50)
    times = (noise + drift).reshape(-1, 4)
    outer, inner = (times[:, 0] + times[:, 3]) / 2, (times[:, 1] + times[:, 2]) / 2
    return np.where(rng.random(len(times)) < 0.5, outer - inner, inner - outer) + math.log(ratio)


def simulated(rng: np.random.Generator, *, ratio: float, sigma: float, floor: float) -> tuple[Decision, int]:
    """What one comparison decides, and after how many blocks.

    Args:
        rng: draws the noise.
        ratio: the true one, the baseline's time over the candidate's.
        sigma: noise of one call, as a fraction.
        floor: the noise floor, as a fraction.
    """
    blocks = log_ratios(rng, ratio, sigma)
    for count in LOOKS:
        said = look(list(blocks[:count]), floor)
        if said is not None:
            return said, count
    return Decision.AMBIGUOUS, LOOKS[-1]
