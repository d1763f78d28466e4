"""Decide whether a candidate computes what the original computes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Iterator, Sequence
from dataclasses import replace

from tilewright.prove import baseline as baseline_room
from tilewright.prove.baseline import BaselineBuilder, Baselines
from tilewright.prove.compare import Baseline, Judged, compare
from tilewright.prove.inputs import NON_FINITE
from tilewright.prove.plan import LONG, SHORT, Planned
from tilewright.prove.session import ENVIRONMENT, Case, Result, Session
from tilewright.records.problem import Problem
from tilewright.records.source import KernelSource
from tilewright.records.verdict import Check, Status, Verdict
from tilewright.workers import Worker

PRECISIONS = ("same", "no-worse", "tolerance")
_PRELOAD = ("tilewright.prove.job",)


def interpreter_worker() -> Worker:
    """A worker whose Triton is the interpreter: what :func:`prove` needs, and starts itself where it is given none."""
    return Worker(environment=ENVIRONMENT, preload=_PRELOAD)


def prove(
    original: KernelSource,
    candidate: KernelSource,
    *,
    problems: Sequence[Problem],
    precision: str = "no-worse",
    reference: str | None = None,
    dtypes: Sequence[str] = ("fp32", "fp16", "bf16"),
    uncompilable_dtypes: Sequence[str] = (),
    worker: Worker | None = None,
    seed: int = 0,
    timeout_s: float = 60.0,
) -> Verdict:
    """Prove one candidate; see :class:`Prover`, which spares the original's runs where there are several."""
    with contextlib.ExitStack() as stack:
        prover = Prover(
            original,
            problems=problems,
            precision=precision,
            reference=reference,
            dtypes=dtypes,
            uncompilable_dtypes=uncompilable_dtypes,
            worker=worker if worker is not None else stack.enter_context(interpreter_worker()),
            seed=seed,
            timeout_s=timeout_s,
        )
        return prover.prove(candidate)


class Prover:
    """One original, ready to be compared with candidates.

    The original, and the oracle, run once. Each runs in Triton's interpreter, in ``worker``'s process; raw arrays come
    back and are compared here.
    """

    def __init__(
        self,
        original: KernelSource,
        *,
        problems: Sequence[Problem],
        precision: str = "no-worse",
        reference: str | None = None,
        dtypes: Sequence[str] = ("fp32", "fp16", "bf16"),
        uncompilable_dtypes: Sequence[str] = (),
        worker: Worker,
        seed: int = 0,
        timeout_s: float = 60.0,
    ) -> None:
        """Run the original and the oracle.

        Args:
            original: the file to be replaced.
            problems: calls to make, as :func:`tilewright.prove.small_problems` derives them.
            precision: ``same``, ``no-worse`` or ``tolerance``; what they admit is in :mod:`tilewright.prove.budget`.
            reference: text of a KernelBench reference file with a class ``Model``, the oracle in float64; without one
                the oracle is the original itself with every float widened to float64.
            dtypes: float dtypes to run beside the one that the problems state.
            uncompilable_dtypes: those that the original does not compile for, whatever the interpreter makes of it.
            worker: as :func:`interpreter_worker` makes them.
            seed: of inputs and parameters.
            timeout_s: seconds for all runs of one file.

        Raises:
            ValueError: an unknown precision or dtype.
        """
        if precision not in PRECISIONS:
            raise ValueError(f"precision {precision!r}: use one of {', '.join(PRECISIONS)}")
        unknown = sorted({*dtypes, *uncompilable_dtypes} - SHORT.keys())
        if unknown:
            raise ValueError(f"dtype {unknown[0]!r}: use {', '.join(SHORT)}")
        self._precision, self._seed, self._timeout_s, self._worker = precision, seed, timeout_s, worker
        began = time.monotonic()
        builder = BaselineBuilder(
            original.text,
            reference,
            worker=worker,
            uncompilable=[SHORT[name] for name in uncompilable_dtypes],
            seed=seed,
            timeout_s=timeout_s,
        )
        self._baselines: Baselines = builder.build(problems, dtypes)
        self.elapsed_s = time.monotonic() - began
        """Seconds that the original and the oracle took, the worker's start included."""

    def _nothing_usable(self) -> str:
        """Why there is nothing to hold a candidate against."""
        if self._baselines.timed_out:
            return f"the original takes more than {self._timeout_s:g} s in the interpreter even at small sizes"
        first = f": {self._baselines.unchecked[0]}" if self._baselines.unchecked else ""
        return f"nothing could be compared{first}"

    def prove(self, candidate: KernelSource) -> Verdict:
        """Run ``candidate`` on every call that the original answers, and compare."""
        began = time.monotonic()
        if not self._baselines.usable:
            return self._verdict(Status.UNDECIDED, [], self._nothing_usable(), [], began)
        session = Session(self._worker, candidate.text, "ModelNew", seed=self._seed, timeout_s=self._timeout_s)
        try:
            return self._decide(session, began)
        finally:
            session.close()

    def _decide(self, session: Session, began: float) -> Verdict:
        judged: list[tuple[Planned, Judged]] = []
        notes: list[str] = []
        for stage in self._stages(session):
            for base, result, note in stage:
                if result.kind == "timed_out":
                    reason = f"the candidate did not end within {self._timeout_s:g} s ({base.planned.words()})"
                    return self._verdict(Status.UNDECIDED, judged, reason, notes, began)
                if base.original is None and not result.ran and result.kind == "raised":
                    notes.append(f"{base.planned.words()}: neither original nor candidate runs ({result.error})")
                    continue
                for item in compare(base, result, self._precision):
                    judged.append((base.planned, _noted(item, note)))
            failed = [(planned, item) for planned, item in judged if not item.check.passed]
            if failed:
                return self._verdict(Status.REFUTED, judged, _smallest(failed), notes, began)
        return self._conclude(judged, notes, began)

    def _stages(self, session: Session) -> Iterator[list[tuple[Baseline, Result, str]]]:
        """Runs of the candidate, cheap and telling ones first, so that a wrong one is done with early."""
        usable = self._baselines.usable
        head, tail = usable[:1], usable[1:]
        first = session.run([self._case(base) for base in head], stop_at_crash=True)
        yield [(base, first[base.planned.name], "") for base in head]
        counts = next(iter(first.values())).configurations
        rest = session.run([self._case(base) for base in tail], stop_at_crash=True)
        yield [(base, rest[base.planned.name], "") for base in tail if rest[base.planned.name].kind != "not_run"]
        variants = self._variants(head[0], max(counts.values(), default=1))
        if variants:
            tuned = session.run([case for case, _ in variants], stop_at_crash=True)
            kept = [(case, note) for case, note in variants if tuned[case.name].kind != "not_run"]
            yield [(head[0], tuned[case.name], note) for case, note in kept]

    def _case(self, base: Baseline) -> Case:
        return self._baselines.case(base.planned, base.values)

    def _variants(self, base: Baseline, count: int) -> list[tuple[Case, str]]:
        """Every further autotune configuration, and a call that tunes first, each on a fresh model."""
        if count < 2:
            return []
        case = self._case(base)
        variants = [
            (
                replace(case, name=f"{case.name}_config{i}", instance=f"{case.instance}/config{i}", config=i),
                f"autotune configuration {i + 1} of {count}",
            )
            for i in range(1, count)
        ]
        first = replace(case, name=f"{case.name}_tunes", instance=f"{case.instance}/tunes", first_call=True)
        return [*variants, (first, f"first call, which tries all {count} autotune configurations")]

    def _conclude(self, judged: list[tuple[Planned, Judged]], notes: list[str], began: float) -> Verdict:
        """All that ran agrees: it is a proof only where something else would have failed."""
        covered = {item.output for _, item in judged if item.output and not item.vacuous}
        outputs = {item.output for _, item in judged if item.output}
        if outputs - covered or not outputs:
            bare = ", ".join(sorted(outputs - covered)) or "the call"
            reason = f"no check of {bare} would fail for an output of zeros or of one constant"
            return self._verdict(Status.UNDECIDED, _fail_vacuous(judged, covered), reason, notes, began)
        problems = len({planned.problem for planned, _ in judged})
        dtypes = ", ".join(dict.fromkeys(LONG[planned.dtype] for planned, _ in judged))
        reason = f"{len(judged)} checks on {problems} problems in {dtypes} hold ({self._precision})"
        return self._verdict(Status.PROVED, judged, reason, notes, began)

    def _verdict(
        self,
        status: Status,
        judged: Sequence[tuple[Planned, Judged]],
        reason: str,
        notes: Sequence[str],
        began: float,
    ) -> Verdict:
        limits = [baseline_room.MODELLED_TF32, baseline_room.CONCURRENCY]
        if any(planned.dtype == "bf16" for planned, _ in judged):
            limits.insert(0, baseline_room.MODELLED_HALVES)
        checks: tuple[Check, ...] = tuple(item.check for _, item in judged)
        return Verdict(
            status=status,
            checks=checks,
            reason=reason,
            unchecked=(*self._baselines.unchecked, *dict.fromkeys(notes), *(limits if checks else ())),
            seed=self._seed,
            elapsed_s=time.monotonic() - began,
        )


def _noted(item: Judged, note: str) -> Judged:
    if not note:
        return item
    detail = "; ".join(filter(None, (note, item.check.detail)))
    return replace(item, check=replace(item.check, detail=detail))


def _fail_vacuous(judged: list[tuple[Planned, Judged]], covered: set[str]) -> list[tuple[Planned, Judged]]:
    result = []
    for planned, item in judged:
        if item.vacuous and item.output not in covered:
            item = replace(item, check=replace(item.check, passed=False))
        result.append((planned, item))
    return result


def _smallest(failed: list[tuple[Planned, Judged]]) -> str:
    """The evidence that takes the least to look at: ordinary values, a fact, a small problem."""

    def weight(pair: tuple[Planned, Judged]) -> tuple[bool, bool, int]:
        planned, item = pair
        elements = 0
        for spec in planned.problem.inputs:
            size = 1
            for extent in spec.shape:
                size *= extent
            elements += size
        return planned.distribution == NON_FINITE, item.check.bound != 0.0, elements

    planned, item = min(failed, key=weight)
    check = item.check
    where = planned.words()
    if check.bound == 0.0:
        return f"{check.detail} ({where})"
    by = f"{check.name} {check.error:.3g}, allowed {check.bound:.3g}"
    before = "" if check.original_error is None else f" (original {check.original_error:.3g})"
    return f"{by}{before}; {check.detail} ({where})"
