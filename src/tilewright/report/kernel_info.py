"""What was found out about one launch, as lines and rows: predicted beside measured."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from math import isfinite

from tilewright.cost.evidence import DRAM_THROUGHPUTS, GRID_SIZE, L2_HIT_RATE, LIMIT_WORDS, SM_THROUGHPUT, WARPS_ACTIVE
from tilewright.records.build import Build, BuildFailure
from tilewright.records.estimate import Estimate
from tilewright.records.launch import ConstexprArgument
from tilewright.records.profile import Diagnosis
from tilewright.records.schedule import Schedule
from tilewright.records.target import Target
from tilewright.records.trial import KernelAnalysis
from tilewright.report import algorithm_words, words
from tilewright.report.section import Line, Part, Point, Table, Tone

DURATION = "gpu__time_duration.sum"
REGISTERS = "launch__registers_per_thread"
WAVES = "launch__waves_per_multiprocessor"


@dataclass(frozen=True, slots=True, kw_only=True)
class Measure:
    """One quantity: what the model or the binary says, what the profiler measured, and what follows."""

    quantity: str
    predicted: str
    measured: str = words.NONE
    remark: str = ""


def kernel_parts(analysis: KernelAnalysis, target: Target, metrics: Mapping[str, float]) -> tuple[Part, ...]:
    """Everything about one launch: what it computes, how it runs, its numbers, and what binds it."""
    parts: list[Part] = [*_algorithm_lines(analysis), *_schedule_lines(analysis)]
    if isinstance(analysis.build, BuildFailure):
        failure = analysis.build
        parts.append(Line(label="build", text=f"fails ({failure.kind}): {failure.message}", tone=Tone.BAD))
    else:
        parts.append(Line(label="binary", text=binary_words(analysis.build)))
    rows = measures(analysis, target, metrics)
    if rows:
        parts.append(_measure_table(rows))
    rest = unpredicted(analysis, metrics)
    if rest:
        parts.append(Line(label="measured", text=rest))
    if analysis.diagnosis is not None:
        parts += diagnosis_parts(analysis.diagnosis)
    return tuple(parts)


def diagnosis_parts(diagnosis: Diagnosis) -> Iterator[Part]:
    """The summary, and its evidence one point each."""
    yield Line(label="diagnosis", text=diagnosis.summary, tone=Tone.PLAIN)
    for sentence in diagnosis.evidence:
        yield Point(text=sentence)


def binary_words(build: Build) -> str:
    """Registers, stack and shared memory, with the compiler that they hold for."""
    stack = f"{build.spill_bytes:,} B of stack" if build.spill_bytes else "no spills"
    return (
        f"{build.registers_per_thread} registers a thread, {stack}, {build.shared_bytes:,} B of shared memory a program"
        f" (sm_{''.join(map(str, build.compute_capability))}, Triton {build.triton_version},"
        f" ptxas {build.ptxas_version})"
    )


def measures(analysis: KernelAnalysis, target: Target, metrics: Mapping[str, float]) -> tuple[Measure, ...]:
    """Every predicted quantity beside its measurement."""
    rows: list[Measure] = []
    if analysis.estimate is not None:
        rows = [*_estimated(analysis.estimate, target, metrics)]
    if isinstance(analysis.build, Build) and REGISTERS in metrics:
        same = analysis.build.registers_per_thread == metrics[REGISTERS]
        rows.append(
            Measure(
                quantity="registers",
                predicted=f"{analysis.build.registers_per_thread} (binary)",
                measured=words.number(metrics[REGISTERS]),
                remark="agree" if same else "another compiler or launch was profiled",
            )
        )
    return tuple(rows)


def unpredicted(analysis: KernelAnalysis, metrics: Mapping[str, float]) -> str:
    """The metrics that have no place among the measures, under the profiler's own names."""
    paired = {REGISTERS} if isinstance(analysis.build, Build) else set()
    if analysis.estimate is not None:
        paired |= {GRID_SIZE, WAVES, WARPS_ACTIVE, L2_HIT_RATE, *DRAM_THROUGHPUTS, SM_THROUGHPUT, DURATION}
    return "; ".join(f"{name} {_measured(name, value)}" for name, value in metrics.items() if name not in paired)


def _measure_table(rows: Sequence[Measure]) -> Table:
    """The rows as a table, without the column of measurements where there are none."""
    if all(row.measured == words.NONE for row in rows):
        short = tuple((row.quantity, row.predicted, row.remark) for row in rows)
        return Table(columns=("", "predicted", ""), rows=short)
    cells = tuple((row.quantity, row.predicted, row.measured, row.remark) for row in rows)
    return Table(columns=("", "predicted", "measured", ""), rows=cells)


def floor_words(estimate: Estimate) -> str:
    """Each resource with the time that it alone would take, the highest first."""
    ranked = sorted(estimate.floors_us.items(), key=lambda item: -item[1])
    return ", ".join(f"{LIMIT_WORDS.get(name, name)} {words.microseconds(value)}" for name, value in ranked)


def _estimated(estimate: Estimate, target: Target, metrics: Mapping[str, float]) -> Iterator[Measure]:
    occupancy, waves, traffic = estimate.occupancy, estimate.waves, estimate.traffic
    grid = metrics.get(GRID_SIZE)
    yield Measure(
        quantity="programs",
        predicted=words.count(waves.programs),
        measured=words.NONE if grid is None else words.count(grid),
        remark="" if grid is None else "agree" if round(grid) == waves.programs else "another shape or tile",
    )
    seen = metrics.get(WAVES)
    yield Measure(
        quantity="waves",
        predicted=f"{waves.waves:.2f}",
        measured=words.NONE if seen is None else f"{seen:.2f}",
        remark=f"{words.count(waves.programs_per_wave)} programs a wave, {waves.efficiency:.0%} of the slots filled",
    )
    active = metrics.get(WARPS_ACTIVE)
    yield Measure(
        quantity="occupancy",
        predicted=words.percent(occupancy.fraction),
        measured=_pct(active),
        remark="; ".join(filter(None, (_agreement(100 * occupancy.fraction, active), _held(estimate)))),
    )
    hit = metrics.get(L2_HIT_RATE)
    if traffic.l2_bytes or hit is not None:
        yield Measure(
            quantity="L2 hits",
            predicted=words.percent(traffic.l2_hit_fraction),
            measured=_pct(hit),
            remark="; ".join(
                filter(
                    None,
                    (_agreement(100 * traffic.l2_hit_fraction, hit), f"{words.amount(traffic.l2_bytes)} through L2"),
                )
            ),
        )
    yield _dram(estimate, target, next((metrics[name] for name in DRAM_THROUGHPUTS if name in metrics), None))
    busy = metrics.get(SM_THROUGHPUT)
    if busy is not None:
        yield Measure(quantity="SM of peak", predicted=words.NONE, measured=_pct(busy))
    yield _time(estimate, metrics.get(DURATION))


def _held(estimate: Estimate) -> str:
    held = estimate.occupancy
    limit = LIMIT_WORDS.get(held.limited_by, held.limited_by)
    return (
        f"{words.count(held.programs_per_sm, 'program')} ({words.count(held.warps_per_sm, 'warp')}) an SM,"
        f" limited by {limit}"
    )


def _dram(estimate: Estimate, target: Target, measured: float | None) -> Measure:
    """The share of DRAM's rate that the launch uses; none is predicted for one that has no time."""
    traffic = estimate.traffic
    fraction = traffic.dram_bytes / estimate.time_us / 1e3 / target.dram_gb_per_s
    known = isfinite(estimate.time_us)
    moved = f"{words.amount(traffic.dram_bytes)} moved, {words.amount(traffic.minimum_dram_bytes)} needed"
    return Measure(
        quantity="DRAM of peak",
        predicted=words.percent(fraction) if known else words.NONE,
        measured=_pct(measured),
        remark="; ".join(filter(None, (_agreement(100 * fraction, measured if known else None), moved))),
    )


def _time(estimate: Estimate, measured_ns: float | None) -> Measure:
    """The time, with whether the measurement lies in the interval."""
    bound = LIMIT_WORDS.get(estimate.binds, estimate.binds)
    said = ""
    if measured_ns is not None:
        inside = estimate.low_us <= measured_ns / 1e3 <= estimate.high_us
        said = "inside the interval; " if inside else "outside the interval; "
    return Measure(
        quantity="time",
        predicted=words.predicted_time(estimate),
        measured=words.NONE if measured_ns is None else words.microseconds(measured_ns / 1e3),
        remark=f"{said}highest floor: {bound}" if isfinite(estimate.time_us) else bound,
    )


def _agreement(predicted: float, measured: float | None) -> str:
    """Two percentages agree within half a point, or a tenth."""
    if measured is None:
        return ""
    apart = abs(measured - predicted)
    return "agree" if apart <= max(0.5, 0.1 * predicted) else f"{apart:.1f} points apart"


def _pct(value: float | None) -> str:
    return words.NONE if value is None else f"{value:.2f} %"


def _measured(name: str, value: float) -> str:
    return f"{words.number(value)} %" if name.endswith("pct") or ".pct_of_" in name else words.number(value)


def _algorithm_lines(analysis: KernelAnalysis) -> Iterator[Line]:
    algorithm, launch = analysis.algorithm, analysis.launch
    yield Line(label="computes", text=algorithm_words.equation(algorithm))
    extents = algorithm_words.sizes(algorithm, launch)
    if extents:
        yield Line(label="sizes", text=f"{extents}; {algorithm_words.arithmetic(algorithm)}")
    for index, operand in enumerate(algorithm_words.operands(algorithm, launch)):
        yield Line(label="operands" if index == 0 else "", text=operand)


def _schedule_lines(analysis: KernelAnalysis) -> Iterator[Line]:
    launch, schedule = analysis.launch, analysis.schedule
    said = [f"grid {words.extents(launch.grid, by=' x ')}"]
    if schedule is not None and algorithm_words.sizes(analysis.algorithm, launch):
        said[0] += f" ({_order_words(schedule)})"
        said.append(f"tile {schedule.block_m} x {schedule.block_n} x {schedule.block_k}")
    else:
        said += [f"{one.parameter}={one.value}" for one in launch.arguments if isinstance(one, ConstexprArgument)]
    said += [words.count(launch.num_warps, "warp"), words.count(launch.num_stages, "stage")]
    if launch.configuration:
        chosen = ", ".join(f"{name}={value}" for name, value in launch.configuration.items())
        said.append(f"autotuned: of its configurations the one predicted fastest ({chosen})")
    yield Line(label="schedule", text=", ".join(said))


def _order_words(schedule: Schedule) -> str:
    """The order in which programs are given to tiles, as said of an input."""
    orders = {
        "grid_2d": "m walked before n",
        "grid_2d_swapped": "n walked before m",
        "row_major": "one axis, row by row",
        "column_major": "one axis, column by column",
        "grouped": f"one axis, in groups of {schedule.group_m} tile rows",
        "custom": "an order of its own",
    }
    said = [orders.get(schedule.program_order, schedule.program_order)]
    if schedule.split_k > 1:
        said.append(f"k split {schedule.split_k} ways")
    if schedule.persistent:
        said.append("persistent")
    return ", ".join(said)
