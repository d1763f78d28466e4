"""Time that passes only when a file says so, in the worker that imports it."""

from __future__ import annotations

import math
import random

now_us = 0.0
calls = 0
_rng = random.Random(0)


def take(us: float, noise: float = 0.01) -> int:
    """Let ``us`` pass, more or less; how many calls there were."""
    global now_us, calls
    now_us += us * math.exp(_rng.gauss(0.0, noise))
    calls += 1
    return calls
