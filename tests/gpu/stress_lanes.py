"""Lanes in which candidates are proved one after the other, with started workers at hand for those that go down."""

from __future__ import annotations

import contextlib
import queue
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from stress_tasks import Task, tasks

from tilewright.prove import host
from tilewright.prove.prover import Prover
from tilewright.prove.session import CUDA, ENVIRONMENT, INTERPRETER
from tilewright.records.problem import Problem
from tilewright.records.source import KernelSource, TensorSpec
from tilewright.records.verdict import Status, Verdict
from tilewright.workers import Worker

EXPECTED = {
    "honest": {"proved"},
    "wrong": {"refuted"},
    "crash": {"refuted"},
    "hang": {"undecided"},
    "out of bounds": {"refuted"},
    "out of memory": {"undecided"},
}
NUMBERS_DIFFER = {"shape", "dtype", "written", "equal", "finite", "value", "NaN and Inf positions", "input kept"}
"""Checks after whose failure a worker is as good as before; the errors, which end in a norm's name, are others."""
_BASELINE_LIMIT_S = 120.0
_WARM_TRIES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class StressCandidate:
    """One file and what must be said of it."""

    kind: str
    task: str
    name: str
    text: str
    needs_gpu: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How one candidate ended."""

    kind: str
    task: str
    name: str
    status: str
    right: bool
    check: str
    """The first one that failed; empty where none did."""
    elapsed_s: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Of one run."""

    device: str
    limit_s: float
    """For all runs of one candidate."""
    memory_bytes: int
    """Host memory of a worker; 0: no limit."""
    seed: int
    gpu_fraction: float = 0.04
    """Part of the GPU's memory that a worker may take."""
    spares: int = 2
    """Started workers that wait."""


def source_of(text: str) -> KernelSource:
    """A file that was never read through the front door, so that no rule has looked at it."""
    return KernelSource(path="candidate.py", text=text, kernels=())


def make_worker(settings: Settings) -> Worker:
    """A worker for that device that may hold so much host memory."""
    cuda = settings.device == "cuda"
    return Worker(
        environment=None if cuda else ENVIRONMENT,
        preload=(CUDA if cuda else INTERPRETER,),
        memory_bytes=settings.memory_bytes or None,
    )


def make_prover(task: Task, settings: Settings) -> Prover:
    """The original of ``task``, run once, in a worker that no candidate ever sees."""
    cuda = settings.device == "cuda"
    problems = [
        Problem(
            inputs=tuple(TensorSpec(name=f"t{i}", dtype="f32", shape=shape) for i, shape in enumerate(each)),
            label="ragged" if index == 0 else "even",
        )
        for index, each in enumerate(task.large if cuda else task.small)
    ]
    with make_worker(settings) as worker:
        if cuda:
            host.warm(worker, memory_fraction=settings.gpu_fraction)
        return Prover(
            source_of(task.original),
            problems=problems,
            reference=task.reference,
            dtypes=(),
            worker=worker,
            device=settings.device,
            seed=settings.seed,
            # the interpreter's calls are chosen after the time that a candidate will have
            timeout_s=_BASELINE_LIMIT_S if cuda else settings.limit_s,
        )


def make_provers(settings: Settings, names: set[str], parallel: int) -> dict[str, Prover]:
    """One prover for each task of ``names``."""
    wanted = [task for task in tasks() if task.name in names]
    with ThreadPoolExecutor(parallel) as threads:
        made = threads.map(lambda task: make_prover(task, settings), wanted)
        return dict(zip((task.name for task in wanted), made, strict=True))


class Bench:
    """Workers that were started, and given their device, before anybody needs them. A context manager."""

    def __init__(self, settings: Settings) -> None:
        """Start to start them."""
        self._settings = settings
        self._ready: queue.Queue[Worker | BaseException] = queue.Queue(maxsize=1)
        self._closed = threading.Event()
        self.taken = 0
        """Workers that were handed out."""
        self.device: host.Device | None = None
        self._threads = [threading.Thread(target=self._fill) for _ in range(max(1, settings.spares))]
        for thread in self._threads:
            thread.start()

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()
        for thread in self._threads:
            thread.join()
        while not self._ready.empty():
            _close(self._ready.get_nowait())

    def take(self) -> Worker:
        """A worker that has run nothing; the caller closes it."""
        found = self._ready.get()
        if isinstance(found, BaseException):
            raise found
        self.taken += 1
        return found

    def _fill(self) -> None:
        while not self._closed.is_set():
            made = self._make()
            while True:
                if self._closed.is_set():
                    _close(made)
                    break
                with contextlib.suppress(queue.Full):
                    self._ready.put(made, timeout=0.1)
                    break

    def _make(self) -> Worker | BaseException:
        error: BaseException | None = None
        for _ in range(_WARM_TRIES):
            worker: Worker | None = None
            try:
                worker = make_worker(self._settings)
                if self._settings.device == "cuda":
                    self.device = host.warm(worker, memory_fraction=self._settings.gpu_fraction)
            except Exception as raised:  # handed to who takes it
                error = raised
                _close(worker)
            else:
                return worker
        assert error is not None
        return error


def _close(made: object) -> None:
    if isinstance(made, Worker):
        made.close()


class Lane:
    """One candidate after the other, in the same worker as long as that is sound."""

    def __init__(self, settings: Settings, provers: Mapping[str, Prover], bench: Bench) -> None:
        self._settings, self._provers, self._bench = settings, provers, bench
        self._worker: Worker | None = None

    def prove(self, candidate: StressCandidate) -> Ended:
        """One verdict."""
        if self._worker is None:
            self._worker = self._bench.take()
        began = time.monotonic()
        prover, limit_s = self._provers[candidate.task], self._settings.limit_s
        verdict = prover.prove(source_of(candidate.text), workers=(self._worker,), timeout_s=limit_s)
        elapsed_s = time.monotonic() - began
        if not leaves_worker_sound(verdict):
            self.close()
        status = str(verdict.status)
        return Ended(
            kind=candidate.kind,
            task=candidate.task,
            name=candidate.name,
            status=status,
            right=status in EXPECTED[candidate.kind],
            check=next((check.name for check in verdict.checks if not check.passed), ""),
            elapsed_s=round(elapsed_s, 3),
            reason=verdict.reason,
        )

    def close(self) -> None:
        """End the worker."""
        _close(self._worker)
        self._worker = None


def leaves_worker_sound(verdict: Verdict) -> bool:
    """Whether a candidate did nothing but compute, so that the next may run where it ran."""
    failed = [check.name for check in verdict.checks if not check.passed]
    numbers = all(name in NUMBERS_DIFFER or name.endswith(("error", "rms", "excess")) for name in failed)
    return verdict.status is not Status.UNDECIDED and numbers


def run(
    chosen: Sequence[StressCandidate],
    settings: Settings,
    provers: Mapping[str, Prover],
    bench: Bench,
    *,
    parallel: int,
    deadline: float = float("inf"),
) -> Iterator[Ended]:
    """Prove ``chosen``; they come as they end. An exception of the prover's own ends the run.

    Args:
        chosen: in this order.
        settings: of the run.
        provers: one for each task.
        bench: where lanes get their workers.
        parallel: lanes.
        deadline: on the monotonic clock; after it no lane takes another candidate.
    """
    waiting: queue.SimpleQueue[StressCandidate] = queue.SimpleQueue()
    ended: queue.SimpleQueue[Ended | BaseException | None] = queue.SimpleQueue()
    for candidate in chosen:
        waiting.put(candidate)

    def work() -> None:
        try:
            with contextlib.closing(Lane(settings, provers, bench)) as lane, contextlib.suppress(queue.Empty):
                while time.monotonic() < deadline:
                    ended.put(lane.prove(waiting.get_nowait()))
        except BaseException as error:  # handed to the caller's thread
            ended.put(error)
        ended.put(None)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(parallel)]
    for thread in threads:
        thread.start()
    working = parallel
    while working:
        item = ended.get()
        if isinstance(item, BaseException):
            raise item
        if item is None:
            working -= 1
        else:
            yield item
    for thread in threads:
        thread.join()
