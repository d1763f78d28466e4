"""From Work, Target and (where there is one) Build to a predicted time with its floors."""

from __future__ import annotations

from dataclasses import dataclass, replace
from math import ceil, exp, log

from tilewright.cost import constants
from tilewright.cost.guess import guess
from tilewright.cost.l2 import replay
from tilewright.cost.occupancy import occupancy
from tilewright.cost.pipes import StepCycles, built_path, spill_moves, step_cycles
from tilewright.cost.waves import waves
from tilewright.records.build import Build
from tilewright.records.estimate import Estimate, Occupancy, Traffic, Waves
from tilewright.records.target import Target
from tilewright.records.work import Work

BYTES_IN_FLIGHT_PER_THREAD = 32.0
"""Loads a thread of an untiled kernel keeps in flight: two of 16 bytes."""


def estimate(
    work: Work,
    target: Target,
    build: Build | None = None,
    *,
    shared_bytes: int | None = None,
    registers_per_thread: int | None = None,
) -> Estimate:
    """Predict the time of one launch, and what binds it.

    Registers and shared memory come from ``build``; without one, from the keywords, else from a guess by the
    schedule. The time is that of the busiest resource, plus the share of the other on-chip pipes that too few warps
    leave unhidden, plus filling and draining the pipeline and the launch itself.

    Returns:
        An Estimate whose ``floors_us`` hold every resource alone. A program that does not fit an SM gets an infinite
        time, and ``binds`` names the resource that it lacks.
    """
    resources = guess(target, work)
    shared = build.shared_bytes if build else resources.shared_bytes if shared_bytes is None else shared_bytes
    registers = build.registers_per_thread if build else registers_per_thread or resources.registers_per_thread
    fit = occupancy(target, num_warps=work.num_warps, registers_per_thread=registers, shared_bytes=shared)
    at_once = min(fit.programs_per_sm, 1) if work.persistent else fit.programs_per_sm
    spread = waves(target, replace(fit, programs_per_sm=at_once), work.programs)
    resident = min(work.programs, spread.programs_per_wave)
    traffic = replay(work, resident_programs=resident, l2_bytes=target.l2_bytes)
    step = step_cycles(work, target, build)
    spilled = _spilled_past_l1(work, target, fit, build, shared_bytes=shared)
    traffic = replace(
        traffic,
        shared_bytes=step.shared_bytes * work.programs * work.k_steps,
        l2_bytes=traffic.l2_bytes + spilled,
    )
    if fit.programs_per_sm == 0:
        return _does_not_fit(fit, spread, traffic)
    return _combine(work, target, fit, spread, traffic, step)


def _combine(work: Work, target: Target, fit: Occupancy, spread: Waves, traffic: Traffic, step: StepCycles) -> Estimate:
    clocks_per_us = target.boost_clock_mhz
    rounds = ceil(work.programs / spread.programs_per_wave)
    together = min(spread.programs_per_wave // target.sm_count, ceil(work.programs / target.sm_count))
    # The pipes of the fullest SM set the time, so the tail is part of every floor. It is counted in programs and not
    # in waves: where several share an SM, their slots free one by one.
    steps_of_sm = ceil(work.programs / target.sm_count) * work.k_steps
    l2_rate = (target.l2_bytes_per_clk_per_sm or constants.L2_BYTES_PER_CLK_PER_SM) * target.sm_count
    floors = {
        "tensor": step.tensor * steps_of_sm / clocks_per_us,
        "fp32": step.fp32 * steps_of_sm / clocks_per_us,
        "shared": step.shared * steps_of_sm / clocks_per_us,
        "issue": step.issue * steps_of_sm / clocks_per_us,
        "l2": traffic.l2_bytes / l2_rate / clocks_per_us,
        "dram": traffic.dram_bytes / (target.dram_gb_per_s * 1e3 * constants.DRAM_REACHABLE_FRACTION),
        "latency": _latency_us(work, target, traffic, step, together=together),
        "launch": constants.LAUNCH_OVERHEAD_US,
        "copy": _copy_us(work, target),
    }
    floors = {name: value for name, value in floors.items() if value > 0.0}
    binds = max(floors, key=lambda name: floors[name])
    busy = max(_busy_cycles(step, together * work.num_warps), _in_turn_cycles(step) / together)
    busy *= steps_of_sm / clocks_per_us
    busy = max(busy, _busy_cycles(step, work.num_warps) * work.most_k_steps / clocks_per_us)
    busiest = max([busy, *(floors.get(name, 0.0) for name in ("l2", "dram"))])
    time = _together(busiest, floors.get("latency", 0.0))
    time += (1 if _runs_on(work) else rounds) * constants.PROGRAM_OVERHEAD_CYCLES / clocks_per_us
    time += _epilogue_us(work, target, together)
    time += constants.LAUNCH_OVERHEAD_US + floors.get("copy", 0.0)
    return Estimate(
        time_us=time,
        low_us=max(time / constants.ESTIMATE_SPREAD, _physical_floor(floors)),
        high_us=time * constants.ESTIMATE_SPREAD,
        binds=binds,
        floors_us=floors,
        occupancy=fit,
        waves=spread,
        traffic=traffic,
    )


def _epilogue_us(work: Work, target: Target, together: int) -> float:
    """Return the time of a demanding epilogue's arithmetic that no other program of the SM hides."""
    instructions = work.epilogue_instructions * work.block_m * work.block_n / target.warp_size
    cycles = instructions / constants.ISSUE_SLOTS_PER_CLK_PER_SM
    cycles *= constants.FLATTENED_EPILOGUE_FACTOR if _runs_on(work) else 1.0
    return cycles * ceil(work.programs / target.sm_count) / together / target.boost_clock_mhz


def _runs_on(work: Work) -> bool:
    """Whether a program fetches its next tile's operands while it ends one: those that the copy engine brings."""
    return work.persistent and work.descriptors


def _copy_us(work: Work, target: Target) -> float:
    """Return the time of the copies that go before, and of what else goes round the launch.

    Each is a launch of its own, and copies are as fast as DRAM takes their bytes.
    """
    launches = work.copies + work.small_launches
    rate = target.dram_gb_per_s * 1e3 * constants.DRAM_REACHABLE_FRACTION
    return work.copied_bytes / rate + launches * constants.LAUNCH_OVERHEAD_US


def _spilled_past_l1(work: Work, target: Target, fit: Occupancy, build: Build | None, *, shared_bytes: int) -> float:
    """Return the bytes of spilled registers that one launch moves through L2, because L1 cannot hold them.

    L1 has what shared memory leaves of the SM's common memory. A few spilled registers stay there and cost little;
    a tile whose accumulators do not fit the registers sends them through L2 in every step, several times slower.
    """
    path = built_path(target, work, build)
    moves = spill_moves(work, target, build, path)
    if not moves:
        return 0.0
    resources = guess(target, work, path)
    beyond = resources.wanted_registers - resources.registers_per_thread
    of_a_thread = build.spill_bytes if build is not None else 4 * beyond
    footprint = of_a_thread * target.warp_size * work.num_warps * max(1, fit.programs_per_sm)
    room = target.shared_bytes_per_sm + constants.L1_BYTES_BESIDE_SHARED - shared_bytes * max(1, fit.programs_per_sm)
    past = max(0.0, 1.0 - room / footprint) if footprint else 0.0
    return past * moves * 4 * target.warp_size * work.num_warps * work.programs * work.k_steps


def unhidden_share(warps_per_sub_core: float) -> float:
    """Return the share of the pipes that do not bind which is still paid for, 0 to 1."""
    warps = max(warps_per_sub_core, 1e-3)
    return float(min(1.0, constants.OVERLAP_AT_ONE_WARP / warps**constants.OVERLAP_WARP_POWER))


def _busy_cycles(step: StepCycles, warps: int) -> float:
    """Return the cycles of one k step that ``warps`` warps of an SM cannot hide behind each other."""
    return step.longest() + unhidden_share(warps / 4) * (step.total() - step.longest())


def _in_turn_cycles(step: StepCycles) -> float:
    """Return the cycles of one k step of a program whose products wait for its own fragments; 0 where none do."""
    return step.tensor + step.fragments if step.fragments else 0.0


def _together(busy_us: float, latency_us: float) -> float:
    """Return the time of two limits that are both near: either leaves gaps in which the other has to wait."""
    power = constants.LIMIT_POWER
    highest = max(busy_us, latency_us)
    return float(highest * ((busy_us / highest) ** power + (latency_us / highest) ** power) ** (1 / power))


def _latency_us(work: Work, target: Target, traffic: Traffic, step: StepCycles, *, together: int) -> float:
    """Return the time that waiting for memory takes when no pipe of an SM is short.

    A buffer of the pipeline goes round a circle: a tile is asked for, arrives after the latency, is copied, and is
    multiplied before the buffer is free for another. So each program makes a k step no faster than that circle over
    the tiles on their way at once, ``num_stages - 1``. With two stages (or one, or no asynchronous copies) there is
    one buffer: all of the circle lies open, save for products whose operands are in registers already, and only
    other programs of the SM fill it. Where the binary's loop is not pipelined, products wait too. No more tiles are on
    their way than a program has steps, unless it fetches for its next tile. An untiled kernel has a few loads a thread
    on their way.
    """
    hit = traffic.l2_hit_fraction
    latency = hit * (target.l2_latency_cycles or constants.L2_LATENCY_CYCLES)
    latency += (1 - hit) * (target.dram_latency_cycles or constants.DRAM_LATENCY_CYCLES)
    if not work.operands:
        in_flight = together * work.num_warps * target.warp_size * BYTES_IN_FLIGHT_PER_THREAD
        return traffic.l2_bytes / target.sm_count / in_flight * latency / target.boost_clock_mhz
    rate = target.l2_bytes_per_clk_per_sm or constants.L2_BYTES_PER_CLK_PER_SM
    copied = max(sum(operand.tile_bytes for operand in work.operands) / rate, step.copy)
    products = _busy_cycles(replace(step, shared=step.shared - step.copy), work.num_warps)
    ahead = work.num_stages - 1 if target.compute_capability >= (8, 0) else 1
    if not step.pipelined:
        ahead = 1
    elif ahead <= 1:
        ahead, products = 1, products * (1 - constants.PRODUCTS_AFTER_COPY)
    if not _runs_on(work):
        ahead = min(ahead, max(1, work.k_steps))
    circle = latency + constants.LOADED_LATENCY_CYCLES + copied + products
    rounds_of_slot = ceil(ceil(work.programs / target.sm_count) / together)
    steps_of_slot = max(rounds_of_slot * work.k_steps, work.most_k_steps)
    return circle / ahead * steps_of_slot / target.boost_clock_mhz


def _physical_floor(floors: dict[str, float]) -> float:
    """Return what this arithmetic and traffic cannot beat, were all else free and the clock a tenth above boost."""
    return max(floors.get(name, 0.0) for name in ("tensor", "fp32", "dram")) * 0.9


def _does_not_fit(fit: Occupancy, spread: Waves, traffic: Traffic) -> Estimate:
    return Estimate(
        time_us=float("inf"),
        low_us=float("inf"),
        high_us=float("inf"),
        binds=fit.limited_by,
        floors_us={fit.limited_by: float("inf")},
        occupancy=fit,
        waves=spread,
        traffic=traffic,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """Predicted time before over time after: above 1 is a gain."""

    ratio: float
    low: float
    high: float
    certain: bool
    """The whole interval lies on one side of 1."""


def compare(before: Estimate, after: Estimate) -> Comparison:
    """Return the predicted speed-up from one schedule to another of the same kernel on the same target.

    The interval is that of ratios, not of times: the clock, the memory's real rate and what the model leaves out act
    on both alike, so most of an estimate's error cancels. What is left was measured on all pairs of the data's rows,
    and shrinks with the ratio itself: schedules that the model tells hardly apart differ by little.
    """
    ratio = before.time_us / after.time_us if after.time_us != float("inf") else 0.0
    if ratio in (0.0, float("inf")) or ratio != ratio:
        return Comparison(ratio=ratio, low=ratio, high=ratio, certain=ratio in (0.0, float("inf")))
    half = log(constants.RATIO_SPREAD)
    low, high = ratio * exp(-half), ratio * exp(half)
    return Comparison(ratio=ratio, low=low, high=high, certain=low > 1.0 or high < 1.0)
