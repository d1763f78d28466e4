"""Best so far over the time of the run, with every candidate that got a time."""

from __future__ import annotations

from dataclasses import dataclass

from tilewright.report import words
from tilewright.report.page import figures
from tilewright.report.page.basis import (
    Basis,
    at_s,
    call_time,
    last_of_kernel,
    status_of,
    trial_time,
    was_taken,
)
from tilewright.report.page.model import Block, Chart, Dot, Drawing, Key, Label, Line, Mark, Sentence
from tilewright.report.page.plot import NARROW, WIDE, Scale, linear_ticks, path, steps
from tilewright.report.page.reading import Figure, Form, number, text

HEIGHT, TOP, LEFT, RIGHT, FOOT = 300.0, 14.0, 62.0, 16.0, 46.0
HEADROOM = 1.3
"""Times the slowest best time that the axis reaches; slower candidates stand on its edge."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """A candidate that got a time."""

    at: float
    """Seconds since the run began, or its number where the run kept no times."""
    time: Figure
    accepted: bool
    what: str


def history_block(basis: Basis) -> Block:
    """The chart, or why there is none."""
    title = "Best so far, over the time of the run"
    moments = moments_of(basis)
    if basis.before is None or not moments:
        if basis.before is None:
            why = "The input has no time to begin from."
        elif basis.trials:
            why = "Candidates were written, and none of them got a time."
        else:
            why = "No candidate was written, so the input stayed the best from the first second on."
        return Block(key="history", title=title, parts=(Sentence(text=why),))
    return Block(key="history", title=title, parts=(_chart(basis, basis.before, moments),))


def moments_of(basis: Basis) -> list[Moment]:
    """Every trial with a time of the run's own provenance, in order."""
    timed = any(at_s(trial) > 0 for trial in basis.trials)
    kept: list[Form] = []
    found = []
    for index, trial in enumerate(basis.trials, start=1):
        if basis.measured:
            time = trial_time(trial)
        else:
            time = call_time(basis.document, last_of_kernel([*kept, trial]))
        accepted = was_taken(trial)
        kept += [trial] if accepted else []
        if time is not None:
            at = at_s(trial) if timed else float(index)
            found.append(Moment(at=at, time=time, accepted=accepted, what=_what(trial)))
    return sorted(found, key=lambda one: one.at)


def _what(trial: Form) -> str:
    stage = text(trial, "stage")
    state = "kept" if was_taken(trial) else f"not kept, {status_of(trial)}"
    return f"{text(trial, 'kernel')}{f', {stage}' if stage else ''}: {state}"


def _chart(basis: Basis, before: Figure, moments: list[Moment]) -> Chart:
    kind = basis.provenance
    best = [one for one in moments if one.accepted]
    last = best[-1].time if best else before
    counted = words.count(len(moments), "candidate")
    said = f"{counted} with a {kind} time; the best goes from {figures.time(before)} to {figures.time(last)}"
    keys = [Key(kind=f"best-{kind}", text=f"best so far, {kind}")]
    if best:
        keys.append(Key(kind=f"output-{kind}", text="kept"))
    if len(best) < len(moments):
        keys.append(Key(kind=f"lost-{kind}", text="timed and not kept" if basis.measured else "not kept"))
    return Chart(
        name="history",
        title="Best time so far",
        description=f"Time of one forward call over the seconds of the run: {said}.",
        wide=_drawing(basis, before, moments, WIDE),
        narrow=_drawing(basis, before, moments, NARROW),
        keys=tuple(keys),
    )


def _drawing(basis: Basis, before: Figure, moments: list[Moment], width: float) -> Drawing:
    timed = any(at_s(trial) > 0 for trial in basis.trials)
    elapsed = number(basis.document, "elapsed_s") or 0.0
    end = max(moments[-1].at, elapsed) * 1.02 if timed else moments[-1].at + 0.5
    line = [before.value, *(one.time.value for one in moments if one.accepted)]
    bottom, right = HEIGHT - FOOT, width - RIGHT
    x = Scale(low=0.0, high=end, start=LEFT, end=right)
    y = Scale(low=0.0, high=HEADROOM * max(line), start=bottom, end=TOP)
    return Drawing(
        width=width,
        height=HEIGHT,
        left=LEFT,
        top=TOP,
        right=right,
        bottom=bottom,
        x_ticks=linear_ticks(x, wanted=6 if width == WIDE else 4) if timed else (),
        y_ticks=linear_ticks(y, wanted=5),
        x_label="seconds since the run began" if timed else "candidates in order (the run kept no times)",
        y_label="us of one call",
        marks=tuple(_marks(basis.provenance, before, moments, x, y)),
    )


def _marks(kind: str, before: Figure, moments: list[Moment], x: Scale, y: Scale) -> list[Mark]:
    corners = [(x.start, y.at(before.value))]
    corners += [(x.at(one.at), y.at(one.time.value)) for one in moments if one.accepted]
    marks: list[Mark] = []
    for one in moments:
        if not one.accepted:
            beyond = one.time.value > y.high
            more = " (beyond the axis)" if beyond else ""
            shape = "triangle" if beyond else "circle"
            title = f"{figures.time(one.time)} {kind}{more}; {one.what}"
            marks.append(Dot(x=x.at(one.at), y=y.at(one.time.value), kind=f"lost-{kind}", title=title, shape=shape))
    marks.append(Line(points=path(steps(corners, until=x.end)), kind=f"best-{kind}"))
    for one in moments:
        if one.accepted:
            title = f"{figures.time(one.time)} {kind}; {one.what}"
            low, high = y.at(one.time.low), y.at(one.time.high)
            marks.append(Line(points=path([(x.at(one.at), low), (x.at(one.at), high)]), kind="whisker"))
            marks.append(Dot(x=x.at(one.at), y=y.at(one.time.value), kind=f"output-{kind}", title=title))
    marks.append(
        Label(x=x.start + 6, y=corners[0][1] - 8, text=f"input {words.microseconds(before.value)}", kind="value")
    )
    if len(corners) > 1:
        last = next(one.time.value for one in reversed(moments) if one.accepted)
        marks.append(
            Label(
                x=x.end - 2,
                y=corners[-1][1] + 18,
                text=f"output {words.microseconds(last)}",
                anchor="end",
                kind="value",
            )
        )
    return marks
