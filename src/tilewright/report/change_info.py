"""What a run changed, what each change is predicted to bring, and what all of it comes to."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from math import inf, isfinite

from tilewright.cost import Comparison, compare
from tilewright.records.build import Build, BuildFailure
from tilewright.records.estimate import Estimate
from tilewright.records.schedule import Schedule
from tilewright.records.trial import Change, Run, Trial
from tilewright.report import words
from tilewright.report.section import Line, Part, Point, Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Gain:
    """One kernel's predicted time before and after the run."""

    kernel: str
    before: Estimate
    after: Estimate
    comparison: Comparison
    launches: int
    """Launches of the kernel in one forward call; the estimates are those of the slowest."""


def accepted(run: Run) -> tuple[Trial, ...]:
    """Every trial whose changes are in the output."""
    return run.accepted or (() if run.winner is None else (run.winner,))


def gains(run: Run) -> tuple[Gain, ...]:
    """The predicted gain of each changed kernel, from the input to the last trial that was kept."""
    last = {trial.candidate.kernel: trial for trial in accepted(run)}
    found = []
    for kernel, trial in last.items():
        own = [one for one in run.analyses if one.launch.kernel == kernel]
        before = max((one.estimate for one in own if one.estimate), key=lambda one: one.time_us, default=None)
        if before is None or trial.estimate is None:
            continue
        found.append(
            Gain(
                kernel=kernel,
                before=before,
                after=trial.estimate,
                comparison=compare(before, trial.estimate),
                launches=len(own),
            )
        )
    return tuple(found)


def total(run: Run) -> Comparison | None:
    """The predicted gain of one forward call's kernels together.

    ``None`` where nothing changed, or where an estimate is missing that it would need. Each bound takes every changed
    kernel at that bound at once, which makes the interval no narrower than any correlation between them allows.
    """
    found = {gain.kernel: gain for gain in gains(run)}
    if not found or any(trial.candidate.kernel not in found for trial in accepted(run)):
        return None
    times = [(one.launch.kernel, one.estimate.time_us) for one in run.analyses if one.estimate is not None]
    if len(times) != len(run.analyses) or not all(isfinite(time_us) for _, time_us in times):
        return None
    before = sum(time_us for _, time_us in times)

    def gained(factors: Mapping[str, float]) -> float:
        return before / sum(time_us / factors.get(kernel, 1.0) for kernel, time_us in times)

    ratio = gained({kernel: gain.comparison.ratio for kernel, gain in found.items()})
    low = gained({kernel: gain.comparison.low for kernel, gain in found.items()})
    high = gained({kernel: gain.comparison.high for kernel, gain in found.items()})
    return Comparison(ratio=ratio, low=low, high=high, certain=low > 1.0 or high < 1.0)


def change_parts(trial: Trial) -> Iterator[Part]:
    """The changed fields with their reasons, and the autotune list with what is known of each entry."""
    for change in trial.candidate.changes:
        yield from _change(change)
    if not trial.candidate.changes:
        yield Line(label="changes", text="none of a Schedule's fields; the file is written anew")
    table = entry_table(trial)
    if table is not None:
        listed = len(trial.candidate.schedules) > 1
        what = "of the autotune list; its first run on the GPU settles which is used" if listed else "of the new kernel"
        counted = words.count(len(table.rows), "entry", "entries")
        yield Line(label="entries", text=f"{counted} {what} (times predicted; registers and bytes from the binary)")
        yield table
    for number, note in enumerate(trial.elsewhere):
        yield Line(label="" if number else "elsewhere", text=note)


def entry_table(trial: Trial) -> Table | None:
    """One row an entry of the candidate; ``None`` where nothing was built."""
    entries = list(zip(trial.candidate.schedules, trial.builds, strict=False))
    if not entries:
        return None
    known: list[Estimate | None] = [*trial.entry_estimates]
    if not known and len(entries) == 1:
        known = [trial.estimate]
    known += [None] * (len(entries) - len(known))
    rows = tuple(_entry(schedule, build, estimate) for (schedule, build), estimate in zip(entries, known, strict=True))
    columns = ("tile", "warps", "stages", "predicted us", "regs", "shared B", "an SM", "binds")
    return Table(columns=columns, rows=rows, numeric=columns[1:-1])


def _change(change: Change) -> Iterator[Part]:
    if change.predicted_ratio is None:
        effect = "not visible to the model"
    elif change.predicted_ratio in (0.0, inf):
        effect = "predicted not to run alone"
    else:
        effect = f"{words.ratio(words.widened(change.predicted_ratio))} predicted alone"
    yield Line(label=change.field, text=f"{change.before} -> {change.after}")
    yield Point(text=f"{effect}: {change.reason}")


def _entry(schedule: Schedule, build: Build | BuildFailure, estimate: Estimate | None) -> tuple[str, ...]:
    tile = f"{schedule.block_m}x{schedule.block_n}x{schedule.block_k}"
    shape = (tile, str(schedule.num_warps), str(schedule.num_stages))
    if isinstance(build, BuildFailure):
        return (*shape, *[words.NONE] * 4, build.message)
    if estimate is None:
        time, programs, binds = words.NONE, words.NONE, words.NONE
    else:
        time = words.predicted_time(estimate).replace(" us", "")
        programs, binds = words.count(estimate.occupancy.programs_per_sm), estimate.binds
    spilled = f" + {build.spill_bytes:,} B spilled" if build.spill_bytes else ""
    sizes = (f"{build.registers_per_thread}{spilled}", f"{build.shared_bytes:,}")
    return (*shape, time, *sizes, programs, binds)
