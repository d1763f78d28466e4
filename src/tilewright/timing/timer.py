"""Times files against each other: parent side."""

from __future__ import annotations

import contextlib
import hashlib
import math
import platform
import random
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

from tilewright.errors import TimingError
from tilewright.prove import host
from tilewright.prove.session import derived
from tilewright.records.timing import Comparison, Decision, Interval, Screening, TimedFile
from tilewright.timing import nvml, sequential
from tilewright.timing.call import Call
from tilewright.timing.channel import Channel, Failed, Loaded, Machine
from tilewright.timing.pairs import PAIRS, Pairs
from tilewright.timing.rounds import LOAD_LIMIT_S, Rounds, Two
from tilewright.timing.statistics import median_interval, ratio_interval
from tilewright.workers import Worker

if TYPE_CHECKING:
    import numpy as np

_SCREEN_LOAD_LIMIT_S = 60.0
_WARM_LIMIT_S, _WARM_SHARE_OF_SCREENING = 60.0, 0.5
_FLOOR_SHARE, _COLD_SHARE, _WARM_SHARE = 0.25, 0.85, 0.95
"""Parts of a comparison's time: the A/A run ends after the first, cold calls after the second, warm ones after the
third."""
_SCREEN_BLOCKS, _SLOW_BLOCKS, _WARM_BLOCKS = 6, 2, 16
_SCREEN_S = 4.0
"""A file whose six blocks would take longer gets two: it is far from the fastest, or so slow that noise is small."""
_ROLES = ("baseline", "candidate")


class Timer:
    """One call, and a process in which any files are timed at it, one pair after the other.

    Not for use by two threads at once.
    """

    def __init__(
        self,
        call: Call,
        *,
        device: str = "cuda",
        seed: int,
        worker: Worker | None = None,
        say: Callable[[str], None] = lambda step: None,
    ) -> None:
        """Start the process.

        Args:
            call: what is called.
            device: ``cuda``; ``none`` is Triton's interpreter by the wall clock, for tests of the path.
            seed: of inputs, parameters, orders and resamples.
            worker: as :func:`~tilewright.timing.channel.timing_worker` makes it, kept open; ``None``: one of its own.
            say: told what is being done.
        """
        self._device, self._say = device, say
        self._channel = Channel(call, device=device, seed=seed, worker=worker)
        self._rounds = Rounds(self._channel, random.Random(derived(seed, "orders")))
        self._resampling: np.random.Generator | None = None
        self._resampling_seed = derived(seed, "resamples")
        self._floors: dict[str, float] = {}

    def __enter__(self) -> Timer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End the process."""
        self._channel.close()

    def restart(self) -> None:
        """Go on in a new process: what is confirmed there did not come from the state of the old one."""
        self._channel.restart()

    def compare(self, baseline: str, candidate: str, *, limit_s: float, noise_floor: float | None = None) -> Comparison:
        """Time two files until it is clear which is faster, or that it makes no difference, or the time is up.

        Args:
            baseline: text of a kernel file.
            candidate: text of another, or of the same.
            limit_s: seconds for timing, more where the calls are so slow that an interval needs them; loading, with
                autotuning, has :data:`LOAD_LIMIT_S` a file beside it.
            noise_floor: the least distance of the ratio from 1 that counts, as a fraction; ``None``: what an A/A run
                of the baseline finds, once in the life of this timer.

        Raises:
            TimingError: one of the files does not run, or no call could be timed.
            InputError: the device does not start, or the inputs cannot be made.
        """
        began, machine = time.monotonic(), self._channel.machine()
        texts = dict(zip(_ROLES, (baseline, candidate), strict=True))
        self._say("loading both files, and waiting for their autotuning")
        with self._telling(texts):
            self._two(baseline, candidate)
        with self._watching(machine) as watcher:
            # what it takes to load does not come out of the time for timing
            until = time.monotonic() + limit_s
            floor = noise_floor
            if floor is None:
                floor = self.noise_floor(baseline, limit_s=_FLOOR_SHARE * limit_s)
            with self._telling(texts):
                two = self._two(baseline, candidate)
                self._say("timing both files in random order, caches flushed")
                end = until - (1 - _COLD_SHARE) * limit_s
                pairs, decision = self._rounds.until(two, lambda found: sequential.look(found, floor), until=end)
                self._say("timing warm calls, graphs and the host")
                end = until - (1 - _WARM_SHARE) * limit_s
                warm = self._rounds.some(two, _WARM_BLOCKS, cold=False, until=end)
                times, reasons = self._files((baseline, candidate), two, pairs, warm)
            conditions = None if watcher is None else watcher.conditions()
        return Comparison(
            baseline=times[0],
            candidate=times[1],
            decision=decision or Decision.AMBIGUOUS,
            ratio=ratio_interval(pairs.log_ratios, self._resamples()),
            warm_ratio=ratio_interval(warm.log_ratios, self._resamples()),
            noise_floor=floor,
            pairs=PAIRS * len(pairs),
            device=machine.name,
            driver=host.driver_version() if self._device == "cuda" else None,
            versions={"python": platform.python_version(), **machine.versions},
            conditions=conditions,
            notes=(*machine.notes, *_notes(two, pairs, reasons)),
            elapsed_s=time.monotonic() - began,
        )

    def noise_floor(self, text: str, *, limit_s: float) -> float:
        """By how much a file differs from itself: two imports of it are compared.

        Args:
            text: of a kernel file.
            limit_s: seconds for timing.

        Returns:
            The end of the 95 % interval that lies farther from 1, as a fraction; at least
            :data:`~tilewright.timing.sequential.LEAST_FLOOR`. Found once for each text in the life of this timer.

        Raises:
            TimingError: the file does not run, or no call could be timed.
            InputError: the device does not start, or the inputs cannot be made.
        """
        if text in self._floors:
            return self._floors[text]
        self._say("timing the baseline against itself")

        def quiet(found: Sequence[float]) -> Decision | None:
            farthest = _farthest(ratio_interval(found, self._resamples()))
            return Decision.SAME if farthest <= sequential.LEAST_FLOOR else None

        with self._telling({_ROLES[0]: text}):
            two = self._two(text, text)
            pairs, _ = self._rounds.until(two, quiet, until=time.monotonic() + limit_s)
        farthest = _farthest(ratio_interval(pairs.log_ratios, self._resamples()))
        return self._floors.setdefault(text, max(sequential.LEAST_FLOOR, farthest))

    def screen(self, baseline: str, candidates: Sequence[str], *, limit_s: float) -> tuple[Screening, ...]:
        """Have a quick look at many files: a few cold pairs of each with the baseline.

        Args:
            baseline: text of a kernel file.
            candidates: texts, the most promising first: those that the time does not reach are not run.
            limit_s: seconds for all of it, loading included.

        Returns:
            One for each candidate, in the order given. One that does not run says why, and costs the others nothing
            but time. Of calls so slow that there is no time for an interval, it is the range of two blocks.

        Raises:
            TimingError: the baseline does not run.
            InputError: the device does not start, or the inputs cannot be made.
        """
        until, found = time.monotonic() + limit_s, []
        if (warm_s := min(_WARM_LIMIT_S, _WARM_SHARE_OF_SCREENING * limit_s)) > 0:
            self._say(f"compiling {len(candidates)} candidates")
            self._channel.warm(candidates, timeout_s=warm_s)
        for number, text in enumerate(candidates, 1):
            if time.monotonic() >= until:
                found.append(_unscreened(text, "not run: the time for screening was up"))
                continue
            self._say(f"timing candidate {number} of {len(candidates)}")
            with self._telling({_ROLES[0]: baseline}):
                first = self._channel.load(baseline, timeout_s=LOAD_LIMIT_S)
            found.append(self._screen(first, baseline, text, until))
        return tuple(found)

    def _screen(self, first: Loaded, baseline: str, text: str, until: float) -> Screening:
        second: Loaded | None = None
        left_s = max(1.0, until - time.monotonic())
        try:
            limit_s = min(_SCREEN_LOAD_LIMIT_S, left_s)
            second = self._channel.load(text, copy=int(text == baseline), timeout_s=limit_s)
            two = Two(files=(first, second))
            count = _SCREEN_BLOCKS if _SCREEN_BLOCKS * two.block_s < _SCREEN_S else _SLOW_BLOCKS
            pairs = self._rounds.some(two, count, cold=True, until=until, least=_SLOW_BLOCKS)
        except Failed as failed:
            if second is None and failed.kind == "timed_out" and left_s < _SCREEN_LOAD_LIMIT_S:
                return _unscreened(text, "not timed: the time for screening was up when it was loaded")
            where = "" if failed.line is None else f"line {failed.line}: "
            return _unscreened(text, f"{where}{failed.what}")
        finally:
            if second is not None:
                self._channel.forget(second.name)
        time_us = median_interval(pairs.times_us[1], self._resamples())
        ratio = ratio_interval(pairs.log_ratios, self._resamples())
        return Screening(sha256=_sha256(text), time_us=time_us, ratio=ratio)

    def _files(self, texts: tuple[str, str], two: Two, pairs: Pairs, warm: Pairs) -> tuple[list[TimedFile], list[str]]:
        """What was timed of each file, and why there is no graph time."""
        hosts = self._rounds.hosts(two)
        graphs, reasons = self._rounds.graphs(two)
        found = []
        for index, text in enumerate(texts):
            file = TimedFile(
                sha256=_sha256(text),
                cold_us=median_interval(pairs.times_us[index], self._resamples()),
                warm_us=median_interval(warm.times_us[index], self._resamples()),
                graph_us=median_interval(graphs[index], self._resamples()) if graphs[index] else None,
                host_us=median_interval(hosts[index], self._resamples()) if hosts[index] else None,
                configurations=two.files[index].configurations,
            )
            found.append(file)
        return found, reasons

    def _two(self, baseline: str, candidate: str) -> Two:
        first = self._channel.load(baseline, timeout_s=LOAD_LIMIT_S)
        second = self._channel.load(candidate, copy=int(candidate == baseline), timeout_s=LOAD_LIMIT_S)
        return Two(files=(first, second))

    @contextlib.contextmanager
    def _watching(self, machine: Machine) -> Iterator[nvml.Watcher | None]:
        watcher = nvml.watch(machine.uuid) if self._device == "cuda" else None
        self._rounds.watcher = watcher
        try:
            yield watcher
        finally:
            self._rounds.watcher = None
            if watcher is not None:
                watcher.close()

    @contextlib.contextmanager
    def _telling(self, texts: dict[str, str]) -> Iterator[None]:
        """A failure inside the block is a TimingError that names one of the files, where it can be told which."""
        try:
            yield
        except Failed as failed:
            named = [role for role, text in texts.items() if failed.name.startswith(_sha256(text)[:16])]
            roles = named if failed.name else []
            if not roles and len(texts) > 1:
                self._say("finding out which of the files failed")
                for role, text in texts.items():
                    if (again := self._rounds.alone(text)) is not None:
                        raise TimingError(role, again.kind, again.what, again.line) from failed
            role = roles[0] if roles else next(iter(texts)) if len(texts) == 1 else ""
            raise TimingError(role, failed.kind, failed.what, failed.line) from failed

    def _resamples(self) -> np.random.Generator:
        if self._resampling is None:
            import numpy as np

            self._resampling = np.random.default_rng(self._resampling_seed)
        return self._resampling


def _notes(two: Two, pairs: Pairs, reasons: Sequence[str]) -> list[str]:
    notes = []
    for role, file, reason in zip(_ROLES, two.files, reasons, strict=True):
        if file.waits:
            notes.append(f"the {role}'s call waits for the device: its times hold the host's too")
        if reason:
            notes.append(f"the {role} has no graph time: {reason}")
    if pairs.late:
        notes.append(f"{pairs.late} blocks left out: the host was not ahead of the device")
    if pairs.tuned:
        notes.append(f"{pairs.tuned} blocks left out: an autotuner ran")
    return notes


def _farthest(ratio: Interval) -> float:
    """How far from 1 a ratio may lie, whichever of the two is divided by the other."""
    return math.expm1(max(abs(math.log(ratio.low)), abs(math.log(ratio.high))))


def _unscreened(text: str, error: str) -> Screening:
    return Screening(sha256=_sha256(text), time_us=None, ratio=None, error=error)


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
