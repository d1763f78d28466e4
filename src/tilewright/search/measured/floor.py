"""The least time that a file's kernels could take on a target, whatever their schedules: the roofline's floor."""

from __future__ import annotations

from collections.abc import Iterable

from tilewright.families.contraction.sizes import sizes_of
from tilewright.prove.physics import contraction_operations, peaks_of
from tilewright.records.algorithm import Contraction
from tilewright.records.target import Target
from tilewright.search.analyse import Analysed

NARROWED = {"tensor_tf32": "tensor_fp16"}
"""Units that a kernel's operations may move to where its operands may be narrowed."""


def floor_us(analysed: Iterable[Analysed], target: Target, *, narrows: bool = False) -> float | None:
    """Predicted, of one forward call in the input's own arithmetic; ``None`` where nothing is known.

    Kernel by kernel the larger of operations over their unit's peak rate and least bytes over peak bandwidth, summed:
    kernels of one stream run one after the other. With ``narrows`` float32 operands count at the rate of float16.
    """
    total = 0.0
    for one in analysed:
        lifted, algorithm = one.lifted, one.lifted.algorithm
        try:
            work = one.family.work(lifted, lifted.schedule, lifted.launch)
            operations = (
                contraction_operations(algorithm, sizes_of(algorithm, lifted.launch))
                if isinstance(algorithm, Contraction)
                else {}
            )
        except ValueError:
            return None
        peaks = peaks_of(target)
        units = {unit: NARROWED.get(unit, unit) if narrows else unit for unit in operations}
        times = [count / (peaks[units[unit]] * 1e6) for unit, count in operations.items() if units[unit] in peaks]
        total += max([work.minimum_dram_bytes / (target.dram_gb_per_s * 1e3), *times])
    return total or None
