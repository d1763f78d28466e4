"""What a run measured: the stages one by one, and input and output side by side at the end."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.records.timing import Comparison, Interval
from tilewright.records.trial import Measured, Run, StageOutcome, Trial
from tilewright.records.verdict import Status
from tilewright.report import words
from tilewright.report.section import Line, Part, Point, Section, Table
from tilewright.search.measured.words import comparison as compared
from tilewright.search.measured.words import ratio

_COLUMNS = ("stage", "outcome", "considered", "built", "timed", "proved", "against the file before")


def measured_sections(run: Run) -> Iterator[Section]:
    """The stages of a measured run, and its confirmation; nothing for a run that only predicted."""
    measured = run.measured
    if measured is None:
        return
    yield Section(title="MEASURED", about=f"on {measured.device}", parts=tuple(_stages(measured)))
    if measured.comparison is not None:
        parts = tuple(comparison_parts(measured.comparison, "input", "output"))
        yield Section(title="CONFIRMED", about="in a process that had seen neither file", parts=parts)


def measured_words(run: Run) -> str:
    """The measured gain of the whole file, with its interval; empty where there is none."""
    measured = run.measured
    if measured is None or measured.comparison is None:
        return ""
    return f"{ratio(measured.comparison.ratio)} measured on {measured.device}"


def comparison_parts(one: Comparison, baseline: str, candidate: str) -> Iterator[Part]:
    """Two files' times, and what the difference comes to."""
    rows = [
        (what, _time(first), _time(second))
        for what, first, second in (
            ("cold L2", one.baseline.cold_us, one.candidate.cold_us),
            ("warm", one.baseline.warm_us, one.candidate.warm_us),
            ("CUDA graph", one.baseline.graph_us, one.candidate.graph_us),
            ("host", one.baseline.host_us, one.candidate.host_us),
        )
    ]
    columns = ("us a call, measured", baseline, candidate)
    yield Table(columns=columns, rows=tuple(rows), numeric=columns[1:])
    yield Line(label="cold", text=compared(one))
    yield Line(label="warm", text=f"{ratio(one.warm_ratio)} measured")
    for what, file in ((baseline, one.baseline), (candidate, one.candidate)):
        for configuration in file.configurations:
            yield Point(text=f"the autotuner of the {what} settled on {configuration}")
    yield Line(label="clocks", text=_conditions(one))
    for note in one.notes:
        yield Point(text=note)


def lost_in_measuring(run: Run) -> tuple[Trial, ...]:
    """Trials that came to a proof and were not proved; that a candidate was slower than another is no refusal."""
    return tuple(
        trial for trial in run.trials if trial.verdict is not None and trial.verdict.status is not Status.PROVED
    )


def _stages(measured: Measured) -> Iterator[Part]:
    floor = ""
    if measured.floor_us is not None:
        floor = f"; the roofline allows {words.microseconds(measured.floor_us)} at best (predicted)"
    yield Line(label="input", text=f"{words.microseconds(measured.input_us)} a call, cold L2 (measured){floor}")
    yield Table(columns=_COLUMNS, rows=tuple(_row(one) for one in measured.stages), numeric=_COLUMNS[2:6])
    for one in measured.stages:
        yield Point(text=f"{one.stage}: {one.reason}")
        for diagnosis in one.diagnoses[:1] if one.outcome != "skipped" else ():
            yield Point(text=f"{one.stage} began with {diagnosis.kernel}: {diagnosis.summary}")
    for note in measured.notes:
        yield Line(label="note", text=note)


def _row(one: StageOutcome) -> tuple[str, ...]:
    gain = words.NONE if one.comparison is None else ratio(one.comparison.ratio)
    counts = (one.considered, one.built, one.timed, one.proved)
    return (one.stage, one.outcome, *(words.count(number) for number in counts), gain)


def _time(one: Interval | None) -> str:
    if one is None:
        return words.NONE
    digits = 0 if one.value >= 99.5 else 2
    return f"{one.value:,.{digits}f} {words.interval(one.low, one.high, digits=digits)}"


def _conditions(one: Comparison) -> str:
    found = one.conditions
    if found is None:
        return "not known: NVML does not answer"
    held = (
        f"held down by {words.listed(found.throttle_reasons)}" if found.throttle_reasons else "nothing held them down"
    )
    return (
        f"SM {found.sm_mhz[1]:,.0f} MHz [{found.sm_mhz[0]:,.0f}, {found.sm_mhz[2]:,.0f}], memory "
        f"{found.memory_mhz[1]:,.0f} MHz, {found.power_w[1]:,.0f} W, {found.temperature_c[1]:.0f} C; {held}"
    )
