"""The diagnosis in words, what changed and why, and what was tried in vain."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from tilewright.report import words
from tilewright.report.page import figures
from tilewright.report.page.basis import Basis, status_of, trial_time, was_taken
from tilewright.report.page.model import Block, Fold, Grid, Part, Points, Sentence
from tilewright.report.page.reading import Form, estimated, figure, forms, part, text, texts
from tilewright.report.page.tables import table

MOST_TRIALS = 60
"""Rows of the table of candidates that were not kept."""


def diagnosis_block(basis: Basis) -> Block:
    """What bound each kernel of the input, and what binds the output's."""
    static = [one for kernel in forms(basis.document, "kernels") if (one := part(kernel, "diagnosis"))]
    stages = (forms(stage, "diagnoses") for stage in forms(basis.measurement, "stages"))
    before = next((found for found in stages if found), static)
    after = forms(basis.measurement, "diagnoses_after")
    parts = [*_diagnoses("Input", before), *_diagnoses("Output", after)]
    if not parts:
        parts = [Sentence(text="No diagnosis: nothing was built or measured that one could rest on.")]
    elif not after and basis.improved:
        why = "was not diagnosed" if basis.measured else "is not diagnosed without a GPU"
        parts.append(Sentence(text=f"The output {why}."))
    return Block(key="diagnosis", title="Diagnosis", parts=tuple(parts))


def _diagnoses(which: str, found: Sequence[Form]) -> Iterator[Part]:
    for one in found:
        yield Sentence(text=f"{which}, {text(one, 'kernel', default='kernel')}: {text(one, 'summary')}")
        said = texts(one, "evidence")
        fields, stage = texts(one, "fields"), text(one, "stage")
        if fields:
            where = f"Stage {stage} can move it" if stage else "What can move it"
            said.append(f"{where}, by {words.listed(fields)}.")
        if said:
            yield Points(items=tuple(said))


def changes_block(basis: Basis) -> Block:
    """Each changed field with its reason."""
    rows = []
    for trial in basis.accepted:
        for change in forms(trial, "changes"):
            alone = figure(change, "speedup_alone")
            effect = words.NONE if alone is None else figures.ratio(alone)
            where = (text(trial, "stage", default=words.NONE), text(trial, "kernel"))
            cells = (text(change, "field"), *where, text(change, "before"), text(change, "after"))
            rows.append((*cells, effect, text(change, "reason")))
    if not rows:
        why = "Nothing: the output is the input." if not basis.improved else "No field of a Schedule; see the code."
        return Block(key="changes", title="What changed", parts=(Sentence(text=why),))
    columns = ("field", "stage", "kernel", "before", "after", "alone (predicted)", "why")
    grid = table("Each changed field of the Schedule.", columns, rows, numeric=columns[5:6])
    return Block(key="changes", title="What changed", parts=(grid,))


def tried_block(basis: Basis) -> Block:
    """Candidates that were not kept, and what was not done at all."""
    lost = [trial for trial in basis.trials if not was_taken(trial)]
    parts: list[Part] = []
    if lost:
        columns = ("kernel", "schedule", f"time ({basis.provenance})", "proof", "why not")
        rows = tuple(_lost(trial, basis) for trial in lost[:MOST_TRIALS])
        more = f"; the first {MOST_TRIALS} of {len(lost):,}" if len(lost) > MOST_TRIALS else ""
        grid = Grid(caption=f"Candidates that were not kept{more}.", columns=columns, rows=rows, numeric=columns[2:3])
        parts.append(
            Fold(summary=words.count(len(lost), "candidate was not kept", "candidates were not kept"), parts=(grid,))
        )
    reasons: dict[str, list[str]] = {}
    for refusal in forms(basis.document, "refusals"):
        reasons.setdefault(text(refusal, "reason"), []).append(text(refusal, "what"))
    if reasons:
        said = tuple(f"{'; '.join(things)}: {reason}" for reason, things in reasons.items())
        parts.append(
            Fold(
                summary=words.count(len(said), "thing was not done", "things were not done"),
                parts=(Points(items=said),),
            )
        )
    if not parts:
        parts.append(Sentence(text="Nothing was tried that was not kept."))
    return Block(key="tried", title="Tried and not kept", parts=tuple(parts))


def _lost(trial: Form, basis: Basis) -> tuple[str, ...]:
    time = trial_time(trial) if basis.measured else estimated(trial, "estimate")
    schedule = _schedule(trial)
    compared = text(trial, "comparison", "decision")
    reason = text(trial, "verdict", "reason") if status_of(trial) != "proved" else ""
    if compared and compared != "faster":
        ratio = figure(trial, "comparison", "ratio")
        reason = f"{compared}: {figures.ratio(ratio)} measured" if ratio else compared
    reason = reason or text(trial, "screening", "error") or "another was better"
    shown = words.NONE if time is None else figures.time(time)
    return text(trial, "kernel"), schedule, shown, status_of(trial), reason


def _schedule(trial: Form) -> str:
    schedules = forms(trial, "schedules")
    if not schedules:
        return words.NONE
    first = schedules[0]
    tile = "x".join(str(first.get(key)) for key in ("block_m", "block_n", "block_k"))
    more = f" and {len(schedules) - 1} more" if len(schedules) > 1 else ""
    warps, stages = first.get("num_warps"), first.get("num_stages")
    return f"tile {tile}, {warps} warps, {stages} stages{more}"
