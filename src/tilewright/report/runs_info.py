"""Runs that were kept, as a table and as JSON."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict

from tilewright.report import words
from tilewright.report.section import Line, Report, Section, Table
from tilewright.store import RunRow, State

SCHEMA = 1
_COLUMNS = ("run", "state", "took", "GPU", "stage", "best so far", "input")
_INPUT_CHARACTERS = 20
"""The end of a path says more than its beginning; the JSON has all of it."""


def runs_info(runs: Sequence[RunRow]) -> Report:
    """One row a run, newest first."""
    if not runs:
        text = "no run has been kept yet; `tilewright optimize` keeps each of its runs"
        return Report(sections=(), conclusion=Line(label="NONE", text=text))
    rows = tuple(
        (
            run.id,
            run.result or run.state.value,
            f"{run.elapsed_s:.1f} s",
            run.gpu,
            run.stage.replace("_", " "),
            run.best or words.NONE,
            run.path if len(run.path) <= _INPUT_CHARACTERS else "…" + run.path[1 - _INPUT_CHARACTERS :],
        )
        for run in runs
    )
    left = sum(run.state is State.INTERRUPTED for run in runs)
    table = Table(columns=_COLUMNS, rows=rows, numeric=("took",))
    return Report(
        sections=(Section(title="RUNS", about=words.count(len(runs), "run"), parts=(table,)),),
        conclusion=Line(label="INTERRUPTED", text=f"{left}: `tilewright resume RUN` goes on") if left else None,
    )


def runs_form(runs: Sequence[RunRow]) -> dict[str, object]:
    """Runs as JSON, in the form of docs/json.md."""
    return {"schema": SCHEMA, "kind": "runs", "runs": [asdict(run) for run in runs]}
