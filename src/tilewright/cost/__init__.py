"""Occupancy, waves, L2 traffic and the floors of every pipe: from Work to a predicted time with an interval."""

from tilewright.cost.diagnose import diagnose
from tilewright.cost.guess import Resources, guess
from tilewright.cost.l2 import replay
from tilewright.cost.occupancy import occupancy
from tilewright.cost.roofline import Comparison, compare, estimate
from tilewright.cost.waves import waves
from tilewright.cost.weigh import shares, slowest_first

__all__ = [
    "Comparison",
    "Resources",
    "compare",
    "diagnose",
    "estimate",
    "guess",
    "occupancy",
    "replay",
    "shares",
    "slowest_first",
    "waves",
]
