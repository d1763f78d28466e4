"""Which families there are, and which one takes a launch."""

from __future__ import annotations

from tilewright.families import contraction, opaque
from tilewright.families.family import Family
from tilewright.records.launch import Launch
from tilewright.records.trial import Lifted

_LIFTING: tuple[Family, ...] = (contraction,)


def lift(launch: Launch) -> tuple[Family, Lifted]:
    """Return the first family that can read the launch; ``opaque`` takes what no other could, with their reasons."""
    reasons = []
    for family in _LIFTING:
        lifted = family.lift(launch)
        if isinstance(lifted, Lifted):
            return family, lifted
        reasons.append(lifted.reason)
    return opaque, opaque.lift(launch, reasons=tuple(reasons))
