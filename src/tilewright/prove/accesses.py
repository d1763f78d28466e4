"""Hold the memory accesses of a candidate against bounds while a GPU runs its calls: parent side.

A GPU says nothing of a read outside of a tensor, as long as something lies there and the answer does not depend on it.
The interpreter knows what each launch was given (:mod:`tilewright.prove.bounds`). So it runs a small call or two beside
the GPU; of what it finds, accesses alone count: what else goes wrong there is said, and proves nothing.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field, replace

from tilewright.prove import inputs
from tilewright.prove.baselines import Baselines
from tilewright.prove.compare import Baseline, Judged
from tilewright.prove.plan import Planned, size_of
from tilewright.prove.probes import fact
from tilewright.prove.results import Result
from tilewright.prove.session import FRESH, Case, Host, Session
from tilewright.workers import Worker

NAME = "memory accesses"
_OUTSIDE = "OutOfBoundsError: "
"""How the interpreter's words begin where an access leaves what the launch was given."""
_LIMIT_S = 10.0
"""Seconds for all that is run of one candidate."""
_QUICK_S, _AFFORDABLE_S = 0.25, 0.5
"""Processor seconds of the smallest call up to which a larger one is run too; and of all further configurations."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What the interpreter said."""

    judged: list[tuple[Planned, Judged]] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)


def begin(
    baselines: Baselines, text: str, *, worker: Worker, original: str | None, own: Worker | None, seed: int
) -> Future[Looked]:
    """As :func:`look`, in a thread of its own."""
    thread = ThreadPoolExecutor(1, thread_name_prefix="tilewright-accesses")
    try:
        return thread.submit(look, baselines, text, worker=worker, original=original, own=own, seed=seed)
    finally:
        thread.shutdown(wait=False)


def look(
    baselines: Baselines, text: str, *, worker: Worker, original: str | None, own: Worker | None, seed: int
) -> Looked:
    """Run a candidate on the smallest ragged problem, and on the one that all else is run on, if that is quick.

    Args:
        baselines: the calls that there are, as they are made on the GPU.
        text: of the candidate.
        worker: an interpreter's, for the candidate.
        original: text of the user's own file, where there is one: what it does itself is not held against a candidate.
        own: an interpreter's that no candidate meets, where that runs.
        seed: as of the proof.
    """
    bases = _chosen(baselines.usable)
    if not bases:
        return Looked(notes=[_unheld("no small problem")])
    looking = _Looking(baselines, bases, Looked())
    session = Session(Host(worker=worker), text, "ModelNew", seed=seed, timeout_s=_LIMIT_S, watched=False)
    try:
        failed = looking.run(session)
    finally:
        session.close()
    if failed is not None and original is not None and own is not None:
        session = Session(Host(worker=own), original, "ModelNew", seed=seed, timeout_s=_LIMIT_S, watched=False)
        try:
            result = session.run([replace(failed, config=0)])[failed.name]
        finally:
            session.close()
        if _outside(result):
            return Looked(notes=[_unheld(f"the original's own fail, at line {result.line}: {result.error}")])
    return looking.found


@dataclass(frozen=True, slots=True)
class _Looking:
    baselines: Baselines
    bases: Sequence[Baseline]
    found: Looked

    def run(self, session: Session) -> Case | None:
        """Run the calls; returns the one in which an access left its memory."""
        least = self.bases[0]
        case = self._case(least)
        result = session.run([case])[case.name]
        if not self._judge(least, result, ""):
            return case if _outside(result) else None
        later = [(base, self._case(base), "") for base in self.bases[1:] if result.elapsed_s <= _QUICK_S]
        later += self._configured(least, case, result)
        results = session.run([case for _, case, _ in later], stop_at_crash=True) if later else {}
        for base, each, note in later:
            if not self._judge(base, results[each.name], note):
                return each if _outside(results[each.name]) else None
        return None

    def _configured(self, base: Baseline, case: Case, result: Result) -> list[tuple[Baseline, Case, str]]:
        """Each further autotune configuration, on a fresh model, as far as the time allows."""
        count = max(result.configurations.values(), default=1)
        fits = 1 + int(_AFFORDABLE_S / max(result.elapsed_s, 1e-3))
        if fits < count:
            left = f"{count - fits} of {count} autotune configurations: one takes {result.elapsed_s:.1f} s"
            self.found.notes.append(_unheld(f"those of {left}"))
        return [
            (
                base,
                replace(case, name=f"{case.name}_config{i}", instance=f"{case.instance}/config{i}", config=i),
                f"autotune configuration {i + 1} of {count}",
            )
            for i in range(1, min(count, fits))
        ]

    def _case(self, base: Baseline) -> Case:
        return self.baselines.case(base.planned, base.values, probe=FRESH, continues=False)

    def _judge(self, base: Baseline, result: Result, note: str) -> bool:
        """Note how a call ended, and whether it makes sense to go on."""
        if not result.ran and not _outside(result):
            place = f" at line {result.line}" if result.line else ""
            words = f"in the interpreter the candidate {result.kind.replace('_', ' ')}{place} ({result.error})"
            self.found.notes.append(_unheld(words))
            return False
        detail = ""
        if not result.ran:
            detail = f"line {result.line} in the interpreter: {result.error.removeprefix(_OUTSIDE)}"
        detail = "; ".join(filter(None, (note, detail)))
        self.found.judged.append((base.planned, fact(base.planned, NAME, detail, 0.0 if result.ran else math.inf)))
        return result.ran


def _chosen(usable: Sequence[Baseline]) -> list[Baseline]:
    """The smallest ragged problem, and the first, on ordinary values; without a ragged one, what is smallest."""
    plain = [
        base
        for base in usable
        if base.planned.own
        and base.planned.distribution == inputs.NORMAL
        and not (base.planned.generated or base.planned.varied or base.planned.second)
    ]
    ragged = [base for base in plain if base.planned.problem.label.startswith("ragged")] or plain
    least = sorted(ragged, key=lambda base: size_of(base.planned.problem))[:1]
    return [*least, *(base for base in ragged[:1] if base not in least)]


def _outside(result: Result) -> bool:
    return result.kind == "raised" and result.error.startswith(_OUTSIDE)


def _unheld(reason: str) -> str:
    return f"{NAME} were not held against bounds: {reason}"
