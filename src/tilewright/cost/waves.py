"""How a grid falls on the SMs, wave by wave."""

from __future__ import annotations

from tilewright.records.estimate import Occupancy, Waves
from tilewright.records.target import Target


def waves(target: Target, occupancy: Occupancy, programs: int) -> Waves:
    """Return the waves of ``programs`` programs, and the share of their slots that hold work.

    One wave is every slot of every SM filled once. A last wave that is partly empty still takes a whole program's
    time, which is what ``efficiency`` charges for.
    """
    if programs < 1:
        raise ValueError(f"{programs=}: a launch has at least one program")
    per_wave = max(1, occupancy.programs_per_sm) * target.sm_count
    full = -(-programs // per_wave)
    return Waves(
        programs=programs,
        programs_per_wave=per_wave,
        waves=programs / per_wave,
        efficiency=programs / (full * per_wave),
    )
