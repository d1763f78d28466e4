"""Two hundred candidates in a row, of which fifty go down: the rest get their verdicts, and nothing is left behind.

On a GPU: ``python tests/gpu/stress_candidates.py --parallel 6 --json stress.json``. Without one, in the interpreter and
without the candidates that need a device: ``--device none --count 40``. Ends with 1 if anything is not as it should be.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import pwd
import random
import secrets
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path

import stress_watch as watch
from stress_failures import failures
from stress_lanes import Bench, Ended, Settings, StressCandidate, make_provers, make_worker, run
from stress_tasks import tasks

from tilewright.prove import host
from tilewright.workers import best_sandbox

NUMBERS = {"honest": 75, "wrong": 75, "crash": 20, "hang": 10, "out of bounds": 10, "out of memory": 10}
GPU_SLACK_MIB = 64
_LIMITS_S = {"cuda": 8.0, "none": 40.0}
_EVERY = 20
"""Candidates between two lines of progress, and two versions of the summary."""


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


def summary(ended: Sequence[Ended], seconds: float) -> dict[str, object]:
    """Counts, seconds, and those that ended otherwise than they should."""
    times = sorted(one.elapsed_s for one in ended)
    of_kind = {kind: [one for one in ended if one.kind == kind] for kind in NUMBERS}
    return {
        "candidates": len(ended),
        "right": sum(one.right for one in ended),
        "kinds": {
            kind: {
                "candidates": len(those),
                "right": sum(one.right for one in those),
                "verdicts": dict(Counter(one.status for one in those)),
                "first_failed_checks": dict(Counter(one.check for one in those if one.check).most_common()),
                "seconds": round(sum(one.elapsed_s for one in those), 1),
            }
            for kind, those in of_kind.items()
        },
        "seconds": round(seconds, 1),
        "median_seconds": times[len(times) // 2] if times else 0.0,
        "longest_seconds": times[-1] if times else 0.0,
        "not_as_expected": [asdict(one) for one in ended if not one.right],
    }


def circumstances(settings: Settings, parallel: int, bench: Bench) -> dict[str, object]:
    """What the run ran on."""
    device = None if bench.device is None else asdict(bench.device)
    return {
        "device": settings.device,
        "gpu": device,
        "driver": host.driver_version() if settings.device == "cuda" else None,
        "sandbox": str(best_sandbox()),
        "versions": {name: metadata.version(name) for name in ("torch", "triton", "numpy")},
        "python": platform.python_version(),
        "cores": len(os.sched_getaffinity(0)),
        "lanes": parallel,
        "settings": asdict(settings),
        "workers_started_for_candidates": bench.taken,
    }


def left_behind(token: str, litter: str, private: Path) -> dict[str, list[str]]:
    """Processes and files that should not be there; the files are removed again.

    Args:
        token: that every process of this run carries.
        litter: name of the file that intruders try to leave.
        private: where workers had their folders.
    """
    places = [pwd.getpwuid(os.getuid()).pw_dir, os.getcwd(), "/tmp", "/var/tmp", "/dev/shm", *sys.path]
    files = watch.littered(litter, places)
    for file in files:
        file.unlink()
    for _ in range(10):
        pids = sorted({*watch.processes_with(token), *watch.children()})
        if not pids:
            break
        # the driver takes a moment to let go of a killed process
        time.sleep(0.5)
    return {
        "processes": [f"{pid} {watch.command_of(pid)}" for pid in pids],
        "litter": [str(file) for file in files],
        "private_folders": sorted(str(entry) for entry in private.iterdir()),
    }


def has_grown(before: Sequence[int], after: Sequence[int]) -> bool:
    """Whether a GPU holds more memory than it did, or is no longer there."""
    pairs = zip(before, after, strict=False)
    return len(before) != len(after) or any(late > early + GPU_SLACK_MIB for early, late in pairs)


def memory_at_rest(before: Sequence[int]) -> list[int]:
    """Memory of the GPUs, given the driver some seconds to take back what ended processes held."""
    for _ in range(20):
        now = watch.gpu_memory_mib()
        if not has_grown(before, now):
            break
        time.sleep(0.5)
    return now


class Journal:
    """Prints how the run goes, and keeps its summary up to date on disk."""

    def __init__(self, options: argparse.Namespace, began: float, planned: int) -> None:
        self._options, self._began, self._planned = options, began, planned
        self.ended: list[Ended] = []

    def add(self, one: Ended, facts: dict[str, object]) -> None:
        """A candidate ended."""
        self.ended.append(one)
        number = len(self.ended)
        if self._options.each or not one.right:
            words = f"{one.kind}: {one.task} {one.name}: {one.reason}"
            sign = "  " if one.right else "!!"
            line = f"{sign} {number:3d} {one.elapsed_s:6.2f} s {one.status:9s} {words}"
            print(line[: self._options.width], flush=True)
        if number % _EVERY == 0:
            right = sum(each.right for each in self.ended)
            self.say(f"{number} of {self._planned} ended, {right} as they should")
            self.write({"state": "running", **facts})

    def say(self, words: str) -> None:
        """A line of progress."""
        print(f"{time.monotonic() - self._began:6.1f} s  {words}", flush=True)

    def write(self, facts: dict[str, object]) -> dict[str, object]:
        """Put the summary in the place of the last one."""
        report = {**facts, "planned": self._planned, **summary(self.ended, time.monotonic() - self._began)}
        if self._options.json:
            part = Path(f"{self._options.json}.part")
            part.write_text(json.dumps(report, indent=2) + "\n")
            part.replace(self._options.json)
        return report


def prove_all(
    chosen: Sequence[StressCandidate], settings: Settings, options: argparse.Namespace, journal: Journal
) -> dict[str, object]:
    """Prove ``chosen`` until the time is up; what the run ran on."""
    deadline = time.monotonic() + options.seconds
    with Bench(settings) as bench:
        provers = make_provers(settings, {one.task for one in chosen}, options.parallel)
        journal.say(f"{len(provers)} originals ran")
        for one in run(chosen, settings, provers, bench, parallel=options.parallel, deadline=deadline):
            journal.add(one, circumstances(settings, options.parallel, bench))
        return circumstances(settings, options.parallel, bench)


def main(arguments: Sequence[str]) -> int:
    """Run, check, report."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory(prefix="tilewright-stress-") as folder:
        # workers' folders of this run are told from others' by where they lie
        tempfile.tempdir = folder
        try:
            return stress(options, Path(folder))
        finally:
            tempfile.tempdir = None


def stress(options: argparse.Namespace, private: Path) -> int:
    """Run the candidates, with all temporary folders in ``private``; whether anything is not as it should be."""
    # this process's own late imports are to leave no files either
    sys.dont_write_bytecode = True
    token = secrets.token_hex(8)
    os.environ[watch.MARK] = token
    litter = f"tilewright_stress_{token}"
    chosen = candidates(options.seed, litter, gpu=options.device == "cuda", count=options.count)
    if options.only:
        chosen = [one for one in chosen if options.only in f"{one.kind}: {one.task} {one.name}"]
    settings = Settings(
        device=options.device,
        limit_s=options.limit or _LIMITS_S[options.device],
        memory_bytes=options.memory_mib << 20,
        seed=options.seed,
        gpu_fraction=options.gpu_fraction,
        spares=options.spares or options.parallel,
    )
    folders = watch.watched_folders() if options.files else {}
    ignored = [*options.ignore, *([f"{Path(options.json).resolve()}*"] if options.json else [])]
    journal = Journal(options, time.monotonic(), len(chosen))
    # what workers compile of this project before they confine themselves is no candidate's doing
    with make_worker(settings) as worker:
        worker.call("os:getpid", {}, timeout_s=60.0)
    before, memory_before = watch.snapshot(folders, ignored), watch.gpu_memory_mib()
    journal.say(f"{len(before)} files and folders listed")
    facts = prove_all(chosen, settings, options, journal)
    left = left_behind(token, litter, private)
    memory_after = memory_at_rest(memory_before)
    changed = watch.changed(before, watch.snapshot(folders, ignored))
    facts |= {"state": "finished" if len(journal.ended) == len(chosen) else "stopped", "left_behind": left}
    facts |= {"gpu_memory_mib": [memory_before, memory_after], "changed_files": changed, "watched": len(before)}
    report = journal.write(facts)
    print(json.dumps(report, indent=2))
    bad = has_grown(memory_before, memory_after) or any(left.values()) or changed or report["not_as_expected"]
    return int(bool(bad) or len(journal.ended) != len(chosen))


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--device", choices=("cuda", "none"), default="cuda")
    parser.add_argument("--count", type=int, default=200, help="how many; 200 are all")
    parser.add_argument("--parallel", type=int, default=1, help="candidates at a time")
    parser.add_argument("--spares", type=int, default=0, help="started workers that wait; 0: one for each lane")
    parser.add_argument(
        "--limit", type=float, default=0.0, help="seconds for all runs of one; 0: 8, or 40 in the interpreter"
    )
    parser.add_argument("--seconds", type=float, default=math.inf, help="after these no other candidate is begun")
    parser.add_argument("--memory-mib", type=int, default=4096, help="host memory of a worker; 0 sets no limit")
    parser.add_argument("--gpu-fraction", type=float, default=0.04, help="part of the GPU's memory for a worker")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", default="", help="candidates whose description holds this text")
    parser.add_argument("--files", action=argparse.BooleanOptionalAction, default=True, help="compare file lists")
    parser.add_argument("--ignore", action="append", default=[], help="pattern of paths that others write to")
    parser.add_argument("--json", default="", help="file for the summary")
    parser.add_argument("--each", action="store_true", help="a line for each candidate, not only for disappointments")
    parser.add_argument("--width", type=int, default=200)
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
