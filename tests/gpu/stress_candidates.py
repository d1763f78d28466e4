"""Two hundred candidates in a row, of which fifty go down: the rest get their verdicts, and nothing is left behind.

On a GPU: ``python tests/gpu/stress_candidates.py --parallel 4 --json stress.json``. Without one, in the interpreter and
without the candidates that need a device: ``--device none --count 40``. Ends with 1 if anything is not as it should be.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import math
import os
import platform
import pwd
import queue
import random
import secrets
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path

import stress_watch as watch
from stress_failures import failures
from stress_tasks import Task, tasks

from tilewright.prove import Prover
from tilewright.prove.session import ENVIRONMENT
from tilewright.records.problem import Problem
from tilewright.records.source import KernelSource, TensorSpec
from tilewright.workers import Worker

NUMBERS = {"honest": 75, "wrong": 75, "crash": 20, "hang": 10, "out of bounds": 10, "out of memory": 10}
EXPECTED = {
    "honest": {"proved"},
    "wrong": {"refuted"},
    "crash": {"refuted"},
    "hang": {"undecided"},
    "out of bounds": {"refuted"},
    # that there is no memory can be said by the system's end of the process, or by an exception of the candidate
    "out of memory": {"undecided", "refuted"},
}
GPU_SLACK_MIB = 64


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
    elapsed_s: float
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """Of one run."""

    device: str
    limit_s: float
    memory_bytes: int
    seed: int


def make_prover(task: Task, settings: Settings, worker: Worker) -> Prover:
    """The original of ``task``, ready for candidates: the one place that knows how provers are made."""
    shapes = task.large if settings.device == "cuda" else task.small
    problems = [
        Problem(
            inputs=tuple(TensorSpec(name=f"t{i}", dtype="f32", shape=shape) for i, shape in enumerate(each)),
            label="ragged" if index == 0 else "even",
        )
        for index, each in enumerate(shapes)
    ]
    return Prover(
        source_of(task.original),
        problems=problems,
        reference=task.reference,
        dtypes=("fp32",),
        worker=worker,
        seed=settings.seed,
        timeout_s=settings.limit_s,
    )


def make_worker(settings: Settings) -> Worker:
    """A worker for that device that may hold so much host memory."""
    environment = {name: value for name, value in ENVIRONMENT.items() if name != "TRITON_INTERPRET"}
    return Worker(
        environment=environment if settings.device == "cuda" else ENVIRONMENT,
        preload=("tilewright.prove.job",),
        memory_bytes=settings.memory_bytes or None,
    )


def source_of(text: str) -> KernelSource:
    """A file that was never read through the front door, so that no rule has looked at it."""
    return KernelSource(path="candidate.py", text=text, kernels=())


def candidates(seed: int, litter: str, *, gpu: bool, count: int) -> list[StressCandidate]:
    """``count`` candidates of all kinds, in the kinds' proportions and a seeded order.

    Args:
        seed: of the order and the choice.
        litter: name of the file that intruders try to leave.
        gpu: whether those that need one may be among them.
        count: 200 are all.
    """
    rng = random.Random(seed)
    byname: dict[str, list[StressCandidate]] = {kind: [] for kind in NUMBERS}
    for task in tasks():
        for kind, texts in (("honest", task.honest), ("wrong", task.wrong)):
            byname[kind] += [StressCandidate(kind=kind, task=task.name, name=n, text=t) for n, t in texts.items()]
    for failure in failures(litter):
        byname[failure.kind].append(
            StressCandidate(
                kind=failure.kind,
                task="pointwise",
                name=failure.name,
                text=failure.text,
                needs_gpu=failure.needs_gpu,
            )
        )
    total = sum(NUMBERS.values())
    chosen: list[StressCandidate] = []
    for kind, number in NUMBERS.items():
        usable = [each for each in byname[kind] if gpu or not each.needs_gpu]
        rng.shuffle(usable)
        chosen += usable[: math.ceil(number * min(count, total) / total)]
    rng.shuffle(chosen)
    return chosen[:count]


class Lane:
    """One worker, and the provers of the tasks that came by."""

    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.worker = make_worker(settings)
        self.tasks = {task.name: task for task in tasks()}
        self.provers: dict[str, Prover] = {}

    def prove(self, candidate: StressCandidate) -> Ended:
        """One verdict."""
        if candidate.task not in self.provers:
            self.provers[candidate.task] = make_prover(self.tasks[candidate.task], self.settings, self.worker)
        began = time.monotonic()
        verdict = self.provers[candidate.task].prove(source_of(candidate.text))
        return Ended(
            kind=candidate.kind,
            task=candidate.task,
            name=candidate.name,
            status=str(verdict.status),
            right=str(verdict.status) in EXPECTED[candidate.kind],
            elapsed_s=round(time.monotonic() - began, 3),
            reason=verdict.reason,
        )

    def close(self) -> None:
        """End the worker."""
        self.worker.close()


class Gate:
    """Lets many pass together, or one alone."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._inside = 0
        self._alone = False

    @contextlib.contextmanager
    def passed(self, *, alone: bool) -> Iterator[None]:
        """Wait until one may pass; inside the context nobody passes who may not be there too."""
        with self._changed:
            self._changed.wait_for(lambda: not self._alone)
            self._alone = alone
            self._changed.wait_for(lambda: not (alone and self._inside))
            self._inside += 1
        try:
            yield
        finally:
            with self._changed:
                self._inside -= 1
                self._alone = self._alone and not alone
                self._changed.notify_all()


def run(chosen: Sequence[StressCandidate], settings: Settings, parallel: int) -> Iterator[Ended]:
    """Prove all, ``parallel`` at a time; they come as they end. An exception of the prover's own ends the run."""
    waiting: queue.SimpleQueue[StressCandidate] = queue.SimpleQueue()
    ended: queue.SimpleQueue[Ended | BaseException | None] = queue.SimpleQueue()
    gate = Gate()
    for candidate in chosen:
        waiting.put(candidate)

    def work() -> None:
        try:
            with contextlib.closing(Lane(settings)) as lane:
                while True:
                    try:
                        candidate = waiting.get_nowait()
                    except queue.Empty:
                        break
                    # who takes all of the device's memory takes it from the neighbours too
                    with gate.passed(alone=candidate.kind == "out of memory" and settings.device == "cuda"):
                        ended.put(lane.prove(candidate))
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


def summary(ended: Sequence[Ended], seconds: float) -> dict[str, object]:
    """Counts, seconds, and those that ended otherwise than they should."""
    times = sorted(one.elapsed_s for one in ended)
    by_kind = {
        kind: {
            "candidates": sum(one.kind == kind for one in ended),
            "right": sum(one.kind == kind and one.right for one in ended),
            "verdicts": dict(Counter(one.status for one in ended if one.kind == kind)),
            "seconds": round(sum(one.elapsed_s for one in ended if one.kind == kind), 1),
        }
        for kind in NUMBERS
    }
    return {
        "candidates": len(ended),
        "right": sum(one.right for one in ended),
        "kinds": by_kind,
        "seconds": round(seconds, 1),
        "median_seconds": times[len(times) // 2] if times else 0.0,
        "longest_seconds": times[-1] if times else 0.0,
        "not_as_expected": [asdict(one) for one in ended if not one.right],
        "versions": {name: metadata.version(name) for name in ("torch", "triton", "numpy")},
        "python": platform.python_version(),
    }


def left_behind(token: str, litter: str) -> dict[str, list[str]]:
    """Processes and files that should not be there; the files are removed again."""
    places = [pwd.getpwuid(os.getuid()).pw_dir, os.getcwd(), "/tmp", "/var/tmp", "/dev/shm", *sys.path]
    files = watch.littered(litter, places)
    for file in files:
        file.unlink()
    pids = sorted({*watch.processes_with(token), *watch.children()})
    return {"processes": [f"{pid} {watch.command_of(pid)}" for pid in pids], "litter": [str(file) for file in files]}


def has_grown(before: Sequence[int], after: Sequence[int]) -> bool:
    """Whether a GPU holds more memory than it did."""
    return any(late > early + GPU_SLACK_MIB for early, late in zip(before, after, strict=True))


def memory_at_rest(before: Sequence[int]) -> list[int]:
    """Memory of the GPUs, given the driver some seconds to take back what ended processes held."""
    for _ in range(20):
        now = watch.gpu_memory_mib()
        if not has_grown(before, now):
            break
        time.sleep(0.5)
    return now


def main(arguments: Sequence[str]) -> int:
    """Run, check, report."""
    options = _options(arguments)
    token = secrets.token_hex(8)
    os.environ[watch.MARK] = token
    litter = f"tilewright_stress_{token}"
    settings = Settings(
        device=options.device, limit_s=options.limit, memory_bytes=options.memory_mib << 20, seed=options.seed
    )
    chosen = candidates(options.seed, litter, gpu=options.device == "cuda", count=options.count)
    if options.only:
        chosen = [one for one in chosen if options.only in f"{one.kind}: {one.task} {one.name}"]
    folders = watch.watched_folders() if options.files else ()
    before, memory_before = watch.snapshot(folders, options.ignore), watch.gpu_memory_mib()
    began = time.monotonic()
    ended = []
    for number, one in enumerate(run(chosen, settings, options.parallel), 1):
        ended.append(one)
        sign = "  " if one.right else "!!"
        words = f"{one.kind}: {one.task} {one.name}: {one.reason}"
        print(f"{sign} {number:3d} {one.elapsed_s:6.2f} s {one.status:9s} {words[: options.width]}", flush=True)
    report = summary(ended, time.monotonic() - began)
    left = left_behind(token, litter)
    memory_after = memory_at_rest(memory_before)
    report |= {"device": options.device, "left_behind": left, "gpu_memory_mib": [memory_before, memory_after]}
    report["changed_files"] = watch.changed(before, watch.snapshot(folders, options.ignore))
    text = json.dumps(report, indent=2)
    print(text)
    if options.json:
        Path(options.json).write_text(text + "\n")
    grown = has_grown(memory_before, memory_after)
    bad = grown or any(left.values()) or report["changed_files"] or report["not_as_expected"]
    return int(bool(bad) or len(ended) != len(chosen))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "none"), default="cuda")
    parser.add_argument("--count", type=int, default=200, help="how many; 200 are all")
    parser.add_argument("--parallel", type=int, default=1, help="candidates at a time")
    parser.add_argument("--limit", type=float, default=5.0, help="seconds for all runs of one candidate")
    parser.add_argument("--memory-mib", type=int, default=6144, help="host memory of a worker; 0 sets no limit")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="candidates whose description holds this text")
    parser.add_argument("--files", action=argparse.BooleanOptionalAction, default=True, help="compare file lists")
    parser.add_argument("--ignore", action="append", default=[], help="pattern of paths that others write to")
    parser.add_argument("--json", default="", help="file for the summary")
    parser.add_argument("--width", type=int, default=180)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
