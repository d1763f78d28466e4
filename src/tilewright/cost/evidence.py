"""Sentences with numbers for a diagnosis, each marked measured, predicted or read from the binary."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tilewright.cost.pipes import SPILL_OPCODES
from tilewright.records.build import Build
from tilewright.records.estimate import Estimate, Occupancy, Waves
from tilewright.records.target import Target

SM_THROUGHPUT = "sm__throughput.avg.pct_of_peak_sustained_elapsed"
WARPS_ACTIVE = "sm__warps_active.avg.pct_of_peak_sustained_active"
GRID_SIZE = "launch__grid_size"
DRAM_THROUGHPUTS = (
    "dram__throughput.avg.pct_of_peak_sustained_elapsed",
    "gpu__dram_throughput.avg.pct_of_peak_sustained_elapsed",
)
L2_HIT_RATE = "lts__t_sector_hit_rate.pct"
MEMORY_STALLS = "smsp__warp_issue_stalled_long_scoreboard_per_warp_active.pct"

BUSY_SM_PCT, BUSY_DRAM_PCT, ENOUGH_WARPS_PCT, FEW_STALLS_PCT = 60.0, 75.0, 50.0, 20.0
NEAR_A_FLOOR = 0.75
"""Share of the predicted time from which a resource's floor counts as what the kernel runs at."""

LIMIT_WORDS = {
    "shared_memory": "shared memory",
    "registers": "registers",
    "warps": "warp slots",
    "blocks": "program slots",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """All that is known of one kernel."""

    build: Build | None
    occupancy: Occupancy
    waves: Waves
    estimate: Estimate
    metrics: Mapping[str, float]
    target: Target

    def dram_pct(self) -> float | None:
        """Return the measured DRAM throughput, under either of its names."""
        return next((self.metrics[name] for name in DRAM_THROUGHPUTS if name in self.metrics), None)

    def share(self, floor: str) -> float:
        """Return a floor's share of the predicted time."""
        return self.estimate.floors_us.get(floor, 0.0) / self.estimate.time_us


def sentences(facts: Facts) -> tuple[str, ...]:
    """Return all that can be said of one kernel, from the grid down to spills."""
    return (
        *_grid_evidence(facts),
        *_occupancy_evidence(facts),
        *_memory_evidence(facts),
        *_floor_evidence(facts),
        *_spill_evidence(facts),
        *_fault_evidence(facts),
    )


def _grid_evidence(facts: Facts) -> tuple[str, ...]:
    waves, target = facts.waves, facts.target
    said = [
        f"{waves.programs:,} programs are {waves.waves:.2f} waves of {waves.programs_per_wave:,}"
        f" ({target.sm_count} SMs), {waves.efficiency:.0%} full (predicted)"
        + ("." if waves.waves < 1 else ": the grid is large enough." if waves.efficiency >= 0.9 else ".")
    ]
    grid = facts.metrics.get(GRID_SIZE)
    if grid is not None and round(grid) != waves.programs:
        said.append(f"The profiler saw {grid:,.0f} programs (measured), not {waves.programs:,}: another shape or tile.")
    busy = facts.metrics.get(SM_THROUGHPUT)
    if busy is not None:
        side = "below" if busy < BUSY_SM_PCT else "above"
        said.append(
            f"SM throughput is {busy:g} % of peak (measured), {side} the {BUSY_SM_PCT:g} % of a healthy kernel."
        )
    return tuple(said)


def _occupancy_evidence(facts: Facts) -> tuple[str, ...]:
    occupancy, target = facts.occupancy, facts.target
    held = occupancy.programs_per_sm
    limits = ", ".join(f"{LIMIT_WORDS[name]} {count}" for name, count in occupancy.limits.items())
    said = [f"An SM holds {held} program{'' if held == 1 else 's'} at once; each resource alone would allow: {limits}."]
    if facts.build is not None and occupancy.limited_by == "shared_memory":
        said.append(
            f"One program takes {facts.build.shared_bytes:,} B of the {target.shared_bytes_per_sm:,} B of shared memory"
            " of an SM (from the binary)."
        )
    if facts.build is not None and occupancy.limited_by == "registers":
        said.append(
            f"One program takes {facts.build.registers_per_thread} registers in each of"
            f" {facts.build.num_warps * target.warp_size} threads, of {target.registers_per_sm:,} (from the binary)."
        )
    predicted = 100 * occupancy.fraction
    warps = f"{occupancy.warps_per_sm} of {target.max_warps_per_sm} warps, {predicted:.2f} %, can be active (predicted)"
    active = facts.metrics.get(WARPS_ACTIVE)
    if active is None:
        said.append(f"{warps}.")
    else:
        agrees = abs(active - predicted) <= max(0.5, 0.1 * predicted)
        said.append(f"{warps}; {active:.2f} % were (measured){': they agree' if agrees else ''}.")
    stalls = facts.metrics.get(MEMORY_STALLS)
    if stalls is not None:
        side = "above" if stalls > FEW_STALLS_PCT else "within"
        said.append(
            f"{stalls:g} % of resident warps wait for memory (measured), {side} the {FEW_STALLS_PCT:g} % allowed."
        )
    return tuple(said)


def _memory_evidence(facts: Facts) -> tuple[str, ...]:
    traffic, said = facts.estimate.traffic, []
    hit = facts.metrics.get(L2_HIT_RATE)
    if hit is not None:
        said.append(f"The L2 hit rate is {hit:g} % (measured); {100 * traffic.l2_hit_fraction:.1f} % predicted.")
    measured = facts.dram_pct()
    if measured is not None:
        said.append(f"DRAM runs at {measured:g} % of peak (measured).")
    least = traffic.minimum_dram_bytes / traffic.dram_bytes if traffic.dram_bytes else 1.0
    low = measured < BUSY_DRAM_PCT if measured is not None else facts.share("dram") < NEAR_A_FLOOR
    if low:
        said.append(
            f"Program order has little to gain: DRAM needs {facts.estimate.floors_us.get('dram', 0.0):,.0f} us of"
            f" {facts.estimate.time_us:,.0f} us as it is, {least:.0%} of that at best (predicted)."
        )
    return tuple(said)


def _floor_evidence(facts: Facts) -> tuple[str, ...]:
    if facts.estimate.time_us == float("inf"):
        return ()
    top = sorted(facts.estimate.floors_us.items(), key=lambda item: -item[1])[:3]
    floors = ", ".join(f"{name} {value:,.0f} us" for name, value in top)
    low, high = facts.estimate.low_us, facts.estimate.high_us
    return (f"Highest floors: {floors}, of {facts.estimate.time_us:,.0f} us ({low:,.0f} to {high:,.0f}; predicted).",)


def spill_count(facts: Facts) -> tuple[int, int]:
    """Return the spill instructions of the main loop, and all of its instructions."""
    if facts.build is None:
        return 0, 0
    loop = facts.build.mix.loop
    return sum(loop.get(stem, 0) for stem in SPILL_OPCODES), sum(loop.values())


def _spill_evidence(facts: Facts) -> tuple[str, ...]:
    if facts.build is None or not facts.build.spill_bytes:
        return ()
    count, _ = spill_count(facts)
    where = f"{count} spill instructions in its main loop" if count else "none of it touched in its main loop"
    return (f"A thread uses {facts.build.spill_bytes} B of stack, {where} (from the binary).",)


def _fault_evidence(facts: Facts) -> tuple[str, ...]:
    if facts.build is None or not facts.build.overwrites_operands:
        return ()
    return (
        "Results may be wrong: this version of Triton writes registers that a wgmma of this kernel may still read "
        "(triton-lang/triton issue 9433; from the binary).",
    )
