"""What the profiler's tables call a metric, and what has to be said of names that mislead."""

from __future__ import annotations

from collections.abc import Iterable

from tilewright.profiling.catalog import missing

THEORETICAL = "sm__maximum_warps_per_active_cycle_pct"
"""Looks measured and is computed from the launch: blind to grid size."""

SECTION_NAMES = {
    ("Duration", ""): "gpu__time_duration.sum",
    ("Compute (SM) Throughput", "%"): "sm__throughput.avg.pct_of_peak_sustained_elapsed",
    ("Memory Throughput", "%"): "gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed",
    ("DRAM Throughput", "%"): "gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed",
    ("L2 Hit Rate", "%"): "lts__t_sector_hit_rate.pct",
    ("L1/TEX Hit Rate", "%"): "l1tex__t_sector_hit_rate.pct",
    ("Achieved Occupancy", "%"): "sm__warps_active.avg.pct_of_peak_sustained_active",
    ("Theoretical Occupancy", "%"): THEORETICAL,
    ("Registers Per Thread", ""): "launch__registers_per_thread",
    ("Grid Size", ""): "launch__grid_size",
    ("Waves Per SM", ""): "launch__waves_per_multiprocessor",
}
"""What the profiler's section tables call a metric, with its unit where that tells two apart."""


def metric_name(label: str, unit: str) -> str | None:
    """The metric behind a name in the profiler's output, or ``None`` for one that is not read.

    >>> metric_name("Memory Throughput", "%"), metric_name("Memory Throughput", "Gbyte/second")
    ('gpu__compute_memory_throughput.avg.pct_of_peak_sustained_elapsed', None)
    """
    if "__" in label:
        return label
    return SECTION_NAMES.get((label, unit)) or SECTION_NAMES.get((label, ""))


def exists(name: str) -> bool:
    """Whether ``name`` is not known to exist on no chip."""
    return missing(name) is None


def name_notes(names: Iterable[str]) -> tuple[str, ...]:
    """What has to be said about metric names, one sentence each."""
    notes: list[str] = []
    for name in dict.fromkeys(names):
        gone = missing(name)
        if gone is not None:
            meant = f"; {gone.instead} is meant" if gone.instead else ""
            notes.append(f"{name} exists on no chip that was checked, so its value is not used{meant}")
        elif name == THEORETICAL:
            notes.append(f"{name} is theoretical occupancy, computed from the launch and not measured")
    return tuple(notes)
