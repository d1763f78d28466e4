"""Several files timed side by side in one process, for ``contraction.py``.

A block calls every file twice, in an order drawn by chance and then backwards, with a cold L2: what changes steadily
with time cancels within a block, and any two files make a pair. The calls, the delays before them and the inputs are
those of :mod:`tilewright.timing`.
"""

from __future__ import annotations

import contextlib
import math
import random
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from tilewright.records.timing import Conditions, Interval
from tilewright.timing import Call, nvml, timing_worker
from tilewright.timing.channel import Channel, Failed, Loaded, Machine, figures
from tilewright.timing.statistics import FEWEST, median_interval, ratio_interval

LOAD_LIMIT_S = 120.0
_BATCH_S, _AROUND_A_CALL_US = 1.0, 400.0
"""Blocks of about so many seconds are one job; flush, delay and bookkeeping of one call, generously."""
_SPARE_S, _SLOWER_THAN_TOLD = 20.0, 20.0
_MOST_LEFT_OUT = 8
"""Times as many blocks as are wanted at least may be left out before a case is given up."""
_HOST_CALLS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Side:
    """What was timed of one file."""

    cold_us: Interval | None
    """Device time of a call with a cold L2; ``None`` where it did not run."""
    host_us: Interval | None
    """Wall clock that the host needs to issue a call."""
    error: str = ""
    configurations: tuple[str, ...] = ()
    """What its autotuners had settled on."""


@dataclass(kw_only=True)
class Timed:
    """Files that were timed side by side, by what they are called."""

    sides: dict[str, Side] = field(default_factory=dict)
    logs: dict[str, list[float]] = field(default_factory=dict)
    """Mean logarithm of a file's two times, one a block; blocks are the same for all files."""
    left_out: int = 0
    """Blocks in which the host was late, or an autotuner ran."""
    conditions: Conditions | None = None
    notes: tuple[str, ...] = ()

    def ratio(self, slow: str, fast: str) -> Interval | None:
        """The first file's time over the second's, block by block; ``None`` where one of them has none."""
        if not self.logs.get(slow) or not self.logs.get(fast):
            return None
        differences = [one - other for one, other in zip(self.logs[slow], self.logs[fast], strict=True)]
        return ratio_interval(differences, np.random.default_rng(0))


class SideBySide:
    """One process, in which the files of one case after the other are timed."""

    def __init__(self, *, device: str = "cuda", seed: int = 0, most_blocks: int = 40) -> None:
        """Start the process.

        Args:
            device: ``cuda``; ``none`` is Triton's interpreter by the wall clock, for tests of the path.
            seed: of inputs and orders.
            most_blocks: of a case, however much time there is.
        """
        self._device, self._seed, self._most = device, seed, most_blocks
        self._worker = timing_worker(device)
        self._rng = random.Random(seed)
        self.machine: Machine | None = None
        """What calls ran on; known after the first case."""

    def __enter__(self) -> SideBySide:
        return self

    def __exit__(self, *_: object) -> None:
        self._worker.close()

    def time(self, call: Call, texts: Mapping[str, str], *, seconds: float, limits_s: Mapping[str, float]) -> Timed:
        """Time the files of one case; one that does not run says so, and the others are timed without it.

        Args:
            call: what all of them are called with.
            texts: of the files, four at most, by what they are called.
            seconds: for timing; loading is not counted, and there are always enough blocks for an interval.
            limits_s: for loading, of those that may take longer than :data:`LOAD_LIMIT_S`.

        Raises:
            InputError: the device does not start, or the inputs cannot be made.
        """
        channel, found = Channel(call, device=self._device, seed=self._seed, worker=self._worker), Timed()
        self.machine = channel.machine()
        found.notes = self.machine.notes
        # every failure leaves one file out at least
        loaded: dict[str, Loaded] = {}
        for _ in range(len(texts) + 1):
            loaded = self._load(channel, texts, found, limits_s)
            if not loaded:
                break
            try:
                self._time(channel, loaded, found, seconds)
                break
            except Failed as failed:
                for role in [role for role, file in loaded.items() if failed.name == file.name] or list(loaded):
                    found.sides[role] = _failure(failed)
        for file in loaded.values():
            # what they hold of the device's memory is not to be missing where the next case is optimized
            channel.forget(file.name)
        return found

    def _load(
        self, channel: Channel, texts: Mapping[str, str], found: Timed, limits_s: Mapping[str, float]
    ) -> dict[str, Loaded]:
        loaded: dict[str, Loaded] = {}
        # one that takes the process along is found out in the first pass; the second loads the others again
        for _ in range(2):
            for role, text in texts.items():
                if role not in found.sides:
                    try:
                        loaded[role] = channel.load(text, timeout_s=limits_s.get(role, LOAD_LIMIT_S))
                    except Failed as failed:
                        loaded.pop(role, None)
                        found.sides[role] = _failure(failed)
        return loaded

    def _time(self, channel: Channel, loaded: Mapping[str, Loaded], found: Timed, seconds: float) -> None:
        roles, files = list(loaded), list(loaded.values())
        times: list[list[float]] = [[] for _ in roles]
        logs: list[list[float]] = [[] for _ in roles]
        with self._watching(channel) as watcher:
            until, blocks, found.left_out = time.monotonic() + seconds, 0, 0
            while blocks < self._most and (blocks < FEWEST or time.monotonic() < until):
                if found.left_out > _MOST_LEFT_OUT * FEWEST and blocks < FEWEST:
                    raise Failed("", "raised", "the host is not ahead of the device, or an autotuner goes on", None)
                for order, told in self._blocks(channel, files, self._most - blocks, until, watcher):
                    if told.get("tuned") is not False or told.get("ahead") is not True:
                        found.left_out += 1
                        continue
                    blocks += 1
                    sums = [0.0] * len(files)
                    for index, time_us in zip(order, figures(told.get("us"), len(order)), strict=True):
                        times[index].append(time_us)
                        sums[index] += math.log(time_us) / 2
                    for index, value in enumerate(sums):
                        logs[index].append(value)
            hosts = self._hosts(channel, files)
            found.conditions = None if watcher is None else watcher.conditions()
        for index, role in enumerate(roles):
            rng = np.random.default_rng(0)
            found.logs[role] = logs[index]
            found.sides[role] = Side(
                cold_us=median_interval(times[index], rng),
                host_us=median_interval(hosts[index], rng) if hosts[index] else None,
                configurations=files[index].configurations,
            )

    def _blocks(
        self, channel: Channel, files: Sequence[Loaded], most: int, until: float, watcher: nvml.Watcher | None
    ) -> list[tuple[list[int], Mapping[str, Any]]]:
        """Some blocks, one at least: the order of each, and what the worker tells of it."""
        block_s = 2 * sum(file.call_us + file.host_us + _AROUND_A_CALL_US for file in files) / 1e6
        left_s = max(0.0, until - time.monotonic())
        count = max(1, min(most, int(min(_BATCH_S, left_s) / block_s)))
        orders, sets = [self._order(len(files)) for _ in range(count)], channel.machine().sets
        blocks = [{"order": order, "set": self._rng.randrange(sets), "salt": ""} for order in orders]
        arguments = {"names": [file.name for file in files], "blocks": blocks, "cold": True, "limit_s": 2 * _BATCH_S}
        with contextlib.nullcontext() if watcher is None else watcher.running():
            told = channel.ask("measure", arguments, timeout_s=_SPARE_S + _SLOWER_THAN_TOLD * block_s * count)
        answers = told.get("blocks")
        if not isinstance(answers, list) or not answers or not all(isinstance(one, dict) for one in answers):
            raise Failed("", "crashed", "the worker's answer is not usable", None)
        return list(zip(orders, answers, strict=False))

    def _order(self, count: int) -> list[int]:
        order = list(range(count))
        self._rng.shuffle(order)
        return order + order[::-1]

    def _hosts(self, channel: Channel, files: Sequence[Loaded]) -> list[list[float]]:
        orders = [self._order(len(files)) for _ in range(2)]
        arguments = {"names": [file.name for file in files], "orders": orders, "count": _HOST_CALLS}
        calls_s = sum(file.call_us + file.host_us for file in files) * 4 * _HOST_CALLS / 1e6
        told = channel.ask("issue", arguments, timeout_s=_SPARE_S + _SLOWER_THAN_TOLD * calls_s).get("us")
        if not isinstance(told, list) or len(told) != len(files):
            raise Failed("", "crashed", "the worker's answer is not usable", None)
        return [figures(each) for each in told]

    @contextlib.contextmanager
    def _watching(self, channel: Channel) -> Iterator[nvml.Watcher | None]:
        watcher = nvml.watch(channel.machine().uuid) if self._device == "cuda" else None
        try:
            yield watcher
        finally:
            if watcher is not None:
                watcher.close()


def _failure(failed: Failed) -> Side:
    where = "" if failed.line is None else f"line {failed.line}: "
    return Side(cold_us=None, host_us=None, error=f"{failed.kind}: {where}{failed.what}")
