"""What a run measured: the stages one by one, and input and output side by side at the end."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.records.trial import Measured, Run, StageOutcome, Trial
from tilewright.records.verdict import Status
from tilewright.report import words
from tilewright.report.bench_info import conditions_parts, decision_parts, times_parts
from tilewright.report.section import Line, Part, Point, Section, Table
from tilewright.timing import ratio_words

_COLUMNS = ("stage", "outcome", "considered", "built", "timed", "proved", "against the file before")


def measured_sections(run: Run) -> Iterator[Section]:
    """The stages of a measured run, and its confirmation; nothing for a run that only predicted."""
    measured = run.measured
    if measured is None:
        return
    yield Section(title="MEASURED", about=f"on {measured.device}", parts=tuple(_stages(measured)))
    if measured.comparison is not None:
        one = measured.comparison
        parts = (
            *decision_parts(one),
            *times_parts(one, baseline="input", candidate="output"),
            *conditions_parts(one),
            *(Point(text=note) for note in one.notes),
        )
        yield Section(title="CONFIRMED", about="in a process that had seen neither file", parts=parts)


def measured_words(run: Run) -> str:
    """The measured gain of the whole file, with its interval; empty where there is none."""
    measured = run.measured
    if measured is None or measured.comparison is None:
        return ""
    return f"{ratio_words(measured.comparison.ratio)} measured on {measured.device}"


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
    gain = words.NONE if one.comparison is None else ratio_words(one.comparison.ratio)
    counts = (one.considered, one.built, one.timed, one.proved)
    return (one.stage, one.outcome, *(words.count(number) for number in counts), gain)
