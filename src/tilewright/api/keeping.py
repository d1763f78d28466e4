"""Runs that were kept: list them, and go on with one."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilewright import __version__
from tilewright.api.job import KEPT_KEYS, job_of
from tilewright.api.optimizing import Optimized, carry_out
from tilewright.prove import host
from tilewright.prove.verification import versions
from tilewright.records.trial import Run
from tilewright.search.session import OnStep
from tilewright.store import LAST, RunRow, State, Store


def runs(*, store: str | os.PathLike[str] | None = None) -> tuple[RunRow, ...]:
    """Every run that a store keeps, newest first.

    Args:
        store: its file; ``None``: the user's own.

    Raises:
        StoreError: it cannot be read.
    """
    return open_store(store).runs()


def resume(
    run: str = LAST,
    *,
    store: str | os.PathLike[str] | None = None,
    allow_unsandboxed: bool = False,
    on_step: OnStep | None = None,
    on_run: Callable[[Run], None] | None = None,
) -> Optimized:
    """Go on with an interrupted run: what it had found out is not found out again.

    Args:
        run: its name, the beginning or the last letters of it, or ``last``.
        store: the file that keeps it; ``None``: the user's own.
        allow_unsandboxed: see :func:`optimize`; it is not kept with the run.
        on_step: see :func:`optimize`.
        on_run: see :func:`optimize`.

    Raises:
        StoreError: no such run, or it is finished, or a process works on it, or it ran with other versions.
        InputError, Interrupted: see :func:`optimize`.
    """
    confined = host.require_confinement(allow_unsandboxed=allow_unsandboxed)
    with open_store(store).resume(run, versions=versions(__version__)) as log:
        return carry_out(job_of(log.request), log, confined=confined, on_step=on_step, on_run=on_run)


@dataclass(frozen=True, slots=True, kw_only=True)
class FinishedRun:
    """What a finished run had come to, as it was kept."""

    id: str
    source: str
    """The output file."""
    form: Mapping[str, object]
    """The run's JSON."""
    certificate: Mapping[str, object] | None
    undecided: bool


def finished_run(run: str, *, store: str | os.PathLike[str] | None = None) -> FinishedRun | None:
    """The answer of a finished run; ``None`` for one that is not finished.

    Raises:
        StoreError: no such run.
    """
    opened = open_store(store)
    row = opened.find(run)
    if row.state is not State.FINISHED:
        return None
    document: dict[str, Any] = opened.document(row.id)
    form = {name: value for name, value in document.items() if name not in {*KEPT_KEYS, "state"}}
    verdicts = [trial["verdict"] for trial in document["trials"] if trial["verdict"] is not None]
    undecided = document["result"] == "unchanged" and bool(verdicts)
    return FinishedRun(
        id=row.id,
        source=document["texts"]["output"],
        form=form,
        certificate=document["certificate"],
        undecided=undecided and all(verdict["status"] == "undecided" for verdict in verdicts),
    )


def open_store(store: str | os.PathLike[str] | None = None) -> Store:
    """A store, by default the user's own.

    Raises:
        StoreError: it cannot be used.
    """
    return Store(Store.default_path() if store is None else Path(store))
