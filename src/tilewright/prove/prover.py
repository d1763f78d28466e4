"""Decide whether a candidate computes what the original computes."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future
from types import MappingProxyType

from tilewright.prove import accesses, trials
from tilewright.prove import baseline as baseline_room
from tilewright.prove.architectures import VARIABLE
from tilewright.prove.baseline import BaselineBuilder
from tilewright.prove.baselines import Baselines
from tilewright.prove.compare import Judged
from tilewright.prove.fleet import Fleet
from tilewright.prove.physics_gate import Gate
from tilewright.prove.plan import LONG, SHORT, Planned
from tilewright.prove.reasons import fail_vacuous, smallest
from tilewright.prove.redraw import Redraws, SecondLook
from tilewright.prove.results import Result
from tilewright.prove.session import CUDA, ENVIRONMENT, INTERPRETER, Host
from tilewright.records.problem import Problem
from tilewright.records.source import KernelSource
from tilewright.records.verdict import Check, Status, Verdict
from tilewright.workers import Worker

PRECISIONS = ("same", "no-worse", "tolerance")
DEVICES = ("none", "cuda")
_INTERPRETER_BYTES, _CUDA_BYTES = 6 << 30, 24 << 30
"""Resident memory of a worker: PyTorch with CUDA's libraries and pinned memory takes more."""


def interpreter_worker() -> Worker:
    """A worker whose Triton is the interpreter: what :func:`prove` needs, and starts itself where it is given none."""
    return Worker(environment=ENVIRONMENT, preload=(INTERPRETER,), memory_bytes=_INTERPRETER_BYTES)


def cuda_worker(architecture: int | None = None) -> Worker:
    """A worker that runs on the GPU; :func:`tilewright.prove.host.warm` makes the device's context in it.

    Args:
        architecture: capability to compile for, as 89; ``None``: the device's own.
    """
    environment = {VARIABLE: "" if architecture is None else str(architecture)}
    return Worker(environment=environment, preload=(CUDA,), memory_bytes=_CUDA_BYTES)


def prove(
    original: KernelSource | None,
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

    The original, and the oracle, run once, in ``worker``'s process; candidates run in others where there are any. Raw
    arrays come back and are compared here.
    """

    elapsed_s: float
    """Seconds that the original and the oracle took, the worker's start included."""
    parts: Mapping[str, object] = MappingProxyType({})
    """Where the seconds of the latest proof went, for whoever wants to make it faster."""

    def __init__(
        self,
        original: KernelSource | None,
        *,
        problems: Sequence[Problem],
        precision: str = "no-worse",
        reference: str | None = None,
        dtypes: Sequence[str] = ("fp32", "fp16", "bf16"),
        uncompilable_dtypes: Sequence[str] = (),
        worker: Worker,
        candidate_worker: Worker | Sequence[Worker] | None = None,
        oracle_worker: Worker | None = None,
        device: str = "none",
        real_problems: Sequence[Problem] = (),
        stated: Problem | None = None,
        gate: Gate | None = None,
        seed: int = 0,
        timeout_s: float = 60.0,
    ) -> None:
        """Run the original and the oracle.

        Args:
            original: the file to be replaced; ``None``: the reference in its own dtype says what is allowed.
            problems: calls to make, as :func:`tilewright.prove.small_problems` derives them.
            precision: ``same``, ``no-worse`` or ``tolerance``; what they admit is in :mod:`tilewright.prove.budget`.
            reference: text of a KernelBench reference file with a class ``Model``, the oracle in float64; without one
                the oracle is the original itself with every float widened to float64.
            dtypes: float dtypes to run beside the one that the problems state.
            uncompilable_dtypes: those that the original does not compile for.
            worker: as :func:`interpreter_worker` or :func:`cuda_worker` makes them, after ``device``.
            candidate_worker: where candidates run, several to share one's calls; ``None``: ``worker``, as it is left.
            oracle_worker: on a GPU an interpreter's, for an original that no reference stands beside, and its accesses.
            device: ``none`` is the interpreter, ``cuda`` the GPU.
            real_problems: calls at their real size, on a GPU with a reference.
            stated: the reference's own call, for the values of its ``get_inputs``.
            gate: what times on a GPU are held against.
            seed, timeout_s: of inputs and parameters; for all runs of one file, in seconds.

        Raises:
            ValueError: an unknown precision, device or dtype.
        """
        _check(precision, device, (*dtypes, *uncompilable_dtypes))
        self._precision, self._seed, self._timeout_s, self._gate = precision, seed, timeout_s, gate
        self._jobs = CUDA if device == "cuda" else INTERPRETER
        self._text, self._reader = (None if original is None else original.text), oracle_worker
        own, apart = Host(worker=worker, jobs=self._jobs), oracle_worker if reference is None else None
        self._workers = (candidate_worker,) if isinstance(candidate_worker, Worker) else candidate_worker or (worker,)
        began = time.monotonic()
        builder = BaselineBuilder(
            self._text,
            reference,
            oracle=own if apart is None else Host(worker=apart),
            host=own,
            uncompilable=[SHORT[name] for name in uncompilable_dtypes],
            seed=seed,
            timeout_s=timeout_s,
        )
        self._baselines: Baselines = builder.build(problems, dtypes, real=real_problems, stated=stated)
        self._redraws = Redraws(builder)
        self.elapsed_s = time.monotonic() - began

    def _nothing_usable(self) -> str:
        """Why there is nothing to hold a candidate against."""
        if self._baselines.timed_out:
            return f"the original takes more than {self._timeout_s:g} s in the interpreter even at small sizes"
        first = f": {self._baselines.unchecked[0]}" if self._baselines.unchecked else ""
        return f"nothing could be compared{first}"

    def prove(
        self,
        candidate: KernelSource,
        *,
        workers: Sequence[Worker] | None = None,
        timeout_s: float | None = None,
        operations: Callable[[], Mapping[str, float]] = dict,
        interpreter: Worker | None = None,
    ) -> Verdict:
        """Run ``candidate`` on every call that the original answers, and compare.

        Args:
            candidate: the file.
            workers: where it runs; ``None``: where all candidates of this prover do.
            timeout_s: seconds for all its runs; ``None``: as for the original.
            operations: asked, when a time has been taken, what its own kernels do in the call as stated, by unit.
            interpreter: a worker in which its memory accesses are held against bounds meanwhile, for calls on a GPU;
                after a refutation, or if that takes long, it may still work when this returns.
        """
        began, limit_s = time.monotonic(), self._timeout_s if timeout_s is None else timeout_s
        if not self._baselines.usable:
            return self._verdict(Status.UNDECIDED, [], self._nothing_usable(), [], began)
        hosts = [Host(worker=each, jobs=self._jobs) for each in workers or self._workers]
        fleet = Fleet(hosts, candidate.text, "ModelNew", seed=self._seed, timeout_s=limit_s)
        trial = trials.Trials(
            self._baselines, self._precision, self._gate, len(hosts), operations, tuned="autotune" in candidate.text
        )
        look = SecondLook(
            redraws=self._redraws,
            fleet=fleet,
            trial=trial,
            workers=[host.worker for host in hosts],
            precision=self._precision,
            ends_at=began + limit_s,
        )
        parts: dict[str, float] = {}
        looking = None if interpreter is None else self._look(candidate.text, interpreter)
        try:
            return self._decide(fleet, trial, look, began, limit_s, parts, looking)
        finally:
            workers_s, closing = fleet.parts(), time.monotonic()
            trial.close()
            fleet.close()
            parts["close"] = time.monotonic() - closing
            self.parts = {**{part: round(seconds, 3) for part, seconds in parts.items()}, "workers": workers_s}

    def _decide(
        self,
        fleet: Fleet,
        trial: trials.Trials,
        look: SecondLook,
        began: float,
        limit_s: float,
        parts: dict[str, float],
        looking: Future[accesses.Looked] | None,
    ) -> Verdict:
        judged: list[tuple[Planned, Judged]] = []
        notes: list[str] = []
        ahead: dict[str, Result] = {}
        for number, cases in enumerate(trial.stages(), 1):
            at = time.monotonic()
            results = fleet.run([case for case in (*cases, *trial.ahead) if case.name not in ahead], trial.take)
            ahead |= {case.name: results[case.name] for case in trial.ahead}
            results |= ahead
            parts[f"stage {number}"], at = time.monotonic() - at, time.monotonic()
            ended = [(case.name, results[case.name]) for case in cases if results[case.name].kind != "not_run"]
            judged += trial.judge(ended, notes)
            parts[f"judging {number}"], at = time.monotonic() - at, time.monotonic()
            unended = look.take(judged, notes)
            parts[f"second look {number}"] = time.monotonic() - at
            if unended:
                return self._verdict(Status.UNDECIDED, judged, unended, notes, began)
            failed = [(planned, item) for planned, item in judged if not item.check.passed]
            if failed:
                return self._verdict(Status.REFUTED, judged, smallest(failed), notes, began)
            late = next(((name, result) for name, result in ended if result.kind in trials.LATE), None)
            if late is not None:
                name, result = late
                what = f"did not end within {limit_s:g} s"
                if result.kind == "out_of_memory":
                    what = f"ran out of memory: {result.error}"
                reason = f"the candidate {what} ({trial.words(name)})"
                return self._verdict(Status.UNDECIDED, judged, reason, notes, began)
        if looking is not None:
            at = time.monotonic()
            looked = looking.result()
            parts["accesses"] = time.monotonic() - at
            judged, notes = [*judged, *looked.judged], [*notes, *looked.notes]
            failed = [(planned, item) for planned, item in looked.judged if not item.check.passed]
            if failed:
                return self._verdict(Status.REFUTED, judged, smallest(failed), notes, began)
        return self._conclude(judged, notes, began)

    def _look(self, text: str, interpreter: Worker) -> Future[accesses.Looked]:
        return accesses.begin(
            self._baselines, text, worker=interpreter, original=self._text, own=self._reader, seed=self._seed
        )

    def _conclude(self, judged: list[tuple[Planned, Judged]], notes: list[str], began: float) -> Verdict:
        """All that ran agrees: it is a proof only where something else would have failed."""
        covered = {item.output for _, item in judged if item.output and not item.vacuous}
        outputs = {item.output for _, item in judged if item.output}
        if outputs - covered or not outputs:
            bare = ", ".join(sorted(outputs - covered)) or "the call"
            reason = f"no check of {bare} would fail for an output of zeros or of one constant"
            return self._verdict(Status.UNDECIDED, fail_vacuous(judged, covered), reason, notes, began)
        if self._baselines.lost:
            reason = f"all that ran agrees, but not all could be compared ({self._baselines.lost})"
            return self._verdict(Status.UNDECIDED, judged, reason, notes, began)
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
        limits: list[str] = []
        if self._jobs == INTERPRETER:
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


def _check(precision: str, device: str, dtypes: Sequence[str]) -> None:
    if precision not in PRECISIONS:
        raise ValueError(f"precision {precision!r}: use one of {', '.join(PRECISIONS)}")
    if device not in DEVICES:
        raise ValueError(f"device {device!r}: use one of {', '.join(DEVICES)}")
    unknown = sorted(set(dtypes) - SHORT.keys())
    if unknown:
        raise ValueError(f"dtype {unknown[0]!r}: use {', '.join(SHORT)}")
