"""What each stage brought: the ratio with its interval, what was tried, and why it ended as it did."""

from __future__ import annotations

from dataclasses import dataclass

from tilewright.report import words
from tilewright.report.page import figures
from tilewright.report.page.basis import MEASURED, Basis
from tilewright.report.page.model import Bar, Block, Chart, Drawing, Grid, Key, Label, Line, Mark, Part, Sentence
from tilewright.report.page.plot import NARROW, WIDE, Scale, path, spaced
from tilewright.report.page.reading import Figure, Form, estimated, figure, forms, number, text

ROW, BAR, TOP, FOOT = 46.0, 14.0, 8.0, 44.0
_RATIOS = (1, 2, 0.5, 5, 10, 3, 1.5, 20, 0.2, 0.1, 50, 100, 1.25, 0.8, 1.1, 0.9, 1.05, 0.95)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One row: a stage, or the whole run."""

    name: str
    outcome: str
    ratio: Figure | None
    reason: str
    counts: tuple[str, ...] = ()
    whole: bool = False


def stages_block(basis: Basis) -> Block:
    """Chart and table of the stages."""
    title = "Speed-up, stage by stage"
    steps = _measured(basis) if basis.measured else _predicted(basis)
    if not steps:
        why = "No stage came to a change that was kept, so there is nothing to compare."
        return Block(key="stages", title=title, parts=(Sentence(text=why),))
    parts: list[Part] = []
    if any(step.ratio is not None for step in steps):
        parts.append(_chart(steps, basis))
    parts.append(_table(steps, basis))
    return Block(key="stages", title=title, parts=tuple(parts))


def _measured(basis: Basis) -> list[Step]:
    stages = forms(basis.measurement, "stages")
    found = [_outcome(stage) for stage in stages]
    if not stages:
        found = [
            Step(
                name=text(trial, "stage", default=text(trial, "kernel")),
                outcome="accepted" if trial.get("accepted") is True else "not kept",
                ratio=figure(trial, "comparison", "ratio"),
                reason="the run ended before this stage was closed",
            )
            for trial in basis.trials
            if figure(trial, "comparison", "ratio") is not None
        ]
    return [*found, *_whole(basis)]


def _outcome(stage: Form) -> Step:
    counts = [number(stage, key) for key in ("considered", "built", "proved", "timed")]
    elapsed = number(stage, "elapsed_s")
    cells = [words.NONE if one is None else words.count(one) for one in counts]
    return Step(
        name=text(stage, "stage"),
        outcome=text(stage, "outcome"),
        ratio=figure(stage, "comparison", "ratio"),
        reason=text(stage, "reason"),
        counts=(*cells, words.NONE if elapsed is None else figures.seconds(elapsed)),
    )


def _predicted(basis: Basis) -> list[Step]:
    """Each kept trial against what it started from; the interval is the one that predicted ratios get."""
    before = {
        text(one, "kernel"): time for one in forms(basis.document, "kernels") if (time := estimated(one, "estimate"))
    }
    found = []
    for trial in basis.accepted:
        kernel, after = text(trial, "kernel"), estimated(trial, "estimate")
        start = before.get(kernel)
        ratio = None
        if start is not None and after is not None:
            wide = words.widened(start.value / after.value)
            ratio = Figure(value=wide.ratio, low=wide.low, high=wide.high)
            before[kernel] = after
        changed = ", ".join(text(change, "field") for change in forms(trial, "changes"))
        stage = text(trial, "stage", default=text(basis.document, "stage", default="stage"))
        reason = f"{kernel}: changes {changed}" if changed else f"{kernel}: written anew"
        found.append(Step(name=stage, outcome="accepted", ratio=ratio, reason=reason))
    return [*found, *_whole(basis)] if found else []


def _whole(basis: Basis) -> list[Step]:
    if basis.ratio is None or not basis.improved:
        return []
    said = "timed in a process of their own at the end" if basis.measured else "of all launches of one forward call"
    return [Step(name="whole run", outcome=basis.decision or "predicted", ratio=basis.ratio, reason=said, whole=True)]


def _table(steps: list[Step], basis: Basis) -> Grid:
    counted = any(step.counts for step in steps)
    counts = ("considered", "built", "proved", "timed", "took") if counted else ()
    rows = tuple(
        (
            step.name,
            step.outcome,
            words.NONE if step.ratio is None else figures.ratio(step.ratio),
            *(step.counts or (words.NONE,) * len(counts)),
            step.reason,
        )
        for step in steps
    )
    ratio = f"ratio ({basis.provenance})"
    return Grid(
        caption="Each stage against the file that it began with; above 1 is faster.",
        columns=("stage", "outcome", ratio, *counts, "why"),
        rows=rows,
        numeric=(ratio, *counts),
    )


def _chart(steps: list[Step], basis: Basis) -> Chart:
    shown = [step for step in steps if step.ratio is not None]
    said = "; ".join(f"{step.name} {figures.ratio(step.ratio)}" for step in shown if step.ratio is not None)
    kind = basis.provenance
    keys = [Key(kind=f"bar-{kind}", text=f"{kind}, of one stage"), Key(kind="whisker", text=_interval(basis))]
    if any(step.whole for step in shown):
        keys.insert(1, Key(kind=f"bar-{kind}-whole", text=f"{kind}, input to output"))
    return Chart(
        name="stages",
        title="Speed-up of each stage",
        description=f"Bars of the {kind} ratio of times, with intervals: {said}.",
        wide=_drawing(shown, kind, WIDE),
        narrow=_drawing(shown, kind, NARROW),
        keys=tuple(keys),
    )


def _interval(basis: Basis) -> str:
    return "95 % interval" if basis.provenance == MEASURED else "interval of the prediction"


def _drawing(steps: list[Step], kind: str, width: float) -> Drawing:
    ratios = [step.ratio for step in steps if step.ratio is not None]
    low = min(0.9, *(0.95 * one.low for one in ratios))
    high = max(1.25, *(1.08 * one.high for one in ratios))
    left, right = 12.0, width - 14.0
    bottom = TOP + ROW * len(steps)
    scale = Scale(low=low, high=high, start=left, end=right, logarithmic=True)
    marks: list[Mark] = [Line(points=path([(scale.at(1.0), TOP), (scale.at(1.0), bottom)]), kind="one")]
    for index, step in enumerate(steps):
        if step.ratio is not None:
            marks += _bar(step, step.ratio, scale, TOP + ROW * index, kind)
    return Drawing(
        width=width,
        height=bottom + FOOT,
        left=left,
        top=TOP,
        right=right,
        bottom=bottom,
        x_ticks=spaced(scale, [float(one) for one in _RATIOS], apart=34.0),
        y_ticks=(),
        x_label=f"time before over time after ({kind}, logarithmic)",
        y_label="",
        marks=tuple(marks),
    )


def _bar(step: Step, ratio: Figure, scale: Scale, top: float, kind: str) -> list[Mark]:
    one, at = scale.at(1.0), scale.at(ratio.value)
    low, high = scale.at(ratio.low), scale.at(ratio.high)
    middle = top + 22.0 + BAR / 2
    said = figures.ratio(ratio)
    whole = "-whole" if step.whole else ""
    return [
        Label(x=scale.start + 2, y=top + 15.0, text=step.name, kind="name"),
        Label(x=scale.end - 2, y=top + 15.0, text=said, anchor="end", kind="value"),
        Bar(
            x=min(one, at),
            y=top + 22.0,
            width=max(1.0, round(abs(at - one), 1)),
            height=BAR,
            kind=f"bar-{kind}{whole}",
            title=f"{step.name}: {said} {kind}",
        ),
        Line(points=path([(low, middle), (high, middle)]), kind="whisker"),
        *(Line(points=path([(x, middle - 5), (x, middle + 5)]), kind="whisker") for x in (low, high)),
    ]
