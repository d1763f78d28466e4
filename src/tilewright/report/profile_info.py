"""A profile as a report: every kernel's counters against what they should be, and what binds it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path

from tilewright.cost import shares
from tilewright.profiling import all_metrics
from tilewright.records.profile import Profile
from tilewright.records.stage import Stage, Threshold
from tilewright.records.trial import Inspection, KernelAnalysis
from tilewright.report import words
from tilewright.report.kernel_info import kernel_parts
from tilewright.report.run_info import kernel_about, read_lines
from tilewright.report.section import Line, Part, Point, Report, Section, Table, Tone
from tilewright.stages import all_stages

COLUMNS = ("counter", "measured", "unit", "target", "stands")


def profile_info(
    inspection: Inspection,
    profile: Profile | None,
    *,
    why: str = "",
    stage: Stage | None = None,
    written_to: Path | None = None,
) -> Report:
    """Everything that ``profile`` found, the kernel that took longest first.

    Args:
        inspection: every launch, diagnosed with what was measured.
        profile: what was measured; ``None`` where nothing was.
        why: why no counters were read.
        stage: whose thresholds the metrics are held against; ``None``: those of all stages.
        written_to: where the metrics went.
    """
    request = inspection.request
    read = tuple(
        read_lines(request, inspection.target, inspection.capture, stage=None if stage is None else stage.name)
    )
    sections = [Section(title="READ", about=request.source.path, parts=read)]
    times = {} if profile is None else profile.times_ns
    weights = shares(times)
    ranked = sorted(inspection.analyses, key=lambda one: -times.get(one.launch.kernel, -1.0))
    for analysis in ranked:
        sections.append(
            Section(
                title="KERNEL",
                about=kernel_about(analysis.launch, request, (one.launch for one in inspection.analyses)),
                parts=(
                    *_weight(analysis, profile, weights),
                    *_counters(analysis, profile, stage),
                    *kernel_parts(analysis, inspection.target, request.metrics.get(analysis.launch.kernel, {})),
                ),
            )
        )
    if profile is not None and profile.notes:
        points = tuple(Point(text=_sentence(note)) for note in profile.notes)
        sections.append(Section(title="NOTES", about=f"on what {profile.origin} says", parts=points))
    return Report(sections=tuple(sections), conclusion=_conclusion(profile, why, written_to))


def thresholds(stage: Stage | None) -> Mapping[str, Threshold]:
    """What each metric is held against: by the stage, or by the first stage that says."""
    found: dict[str, Threshold] = {}
    for one in (stage,) if stage is not None else all_stages():
        for threshold in one.thresholds:
            if threshold.value is not None:
                found.setdefault(threshold.metric, threshold)
    return found


def _weight(analysis: KernelAnalysis, profile: Profile | None, weights: Mapping[str, float]) -> Iterator[Part]:
    kernel = analysis.launch.kernel
    if profile is None or kernel not in profile.times_ns:
        return
    launches = words.count(profile.launches.get(kernel, 1), "launch", "launches")
    time = words.microseconds(profile.times_ns[kernel] / 1e3)
    share = f", {words.percent(weights[kernel])} of the time of all kernels listed" if len(weights) > 1 else ""
    yield Line(label="took", text=f"{time} in {launches}{share} (measured)")


def _counters(analysis: KernelAnalysis, profile: Profile | None, stage: Stage | None) -> Iterator[Part]:
    values = {} if profile is None else profile.metrics.get(analysis.launch.kernel, {})
    if not values:
        return
    limits = thresholds(stage)
    yield Table(
        columns=COLUMNS,
        rows=tuple(row for name, value in values.items() for row in _rows(name, value, limits.get(name))),
        numeric=("measured",),
    )


def _rows(name: str, value: float, limit: Threshold | None) -> Iterator[tuple[str, ...]]:
    """The counter with its value, and below it what it means."""
    metric = all_metrics().get(name)
    wanted = stands = ""
    if limit is not None and limit.value is not None:
        wanted = f"{'>' if limit.above else '<'}{limit.value:g}"
        met = value >= limit.value if limit.above else value <= limit.value
        stands = "met" if met else "below" if limit.above else "above"
    yield name, words.number(value), "" if metric is None else metric.unit, wanted, stands
    if metric is not None:
        yield f"  {metric.meaning}", "", "", "", ""


def _sentence(note: str) -> str:
    return note if note.endswith(".") else note + "."


def _conclusion(profile: Profile | None, why: str, written_to: Path | None) -> Line:
    if why:
        known = "times only" if profile is not None else "binary facts and predictions only"
        return Line(label="NO COUNTERS", text=f"{why}; shown are {known}", tone=Tone.BAD)
    assert profile is not None
    kernels = words.count(len(profile.metrics), "kernel")
    said = [f"{kernels} by {profile.origin}"]
    if profile.times_ns:
        said.append(f"{words.microseconds(sum(profile.times_ns.values()) / 1e3)} in all (measured)")
    if written_to is not None:
        said.append(f"written to {written_to}")
    return Line(label="PROFILED", text="; ".join(said), tone=Tone.GOOD)
