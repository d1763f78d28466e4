"""Rounds of timed calls in one worker: planned here, run there. Parent side."""

from __future__ import annotations

import contextlib
import random
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from tilewright.records.timing import Decision
from tilewright.timing import nvml, sequential
from tilewright.timing.channel import Channel, Failed, Loaded, figures
from tilewright.timing.pairs import CALLS, Pairs, draw_order
from tilewright.timing.statistics import FEWEST

LOAD_LIMIT_S = 120.0
"""For import, compiling and tuning of one file, beside the time for timing."""
_BATCH_S = 1.0
"""Blocks of about so many seconds are one job, so that a call that hangs costs little more."""
_AROUND_A_CALL_US = 400.0
"""Flush, delay and bookkeeping of one timed call, generously."""
_SLOWER_THAN_TOLD, _SPARE_S, _ALONE_LIMIT_S = 20.0, 20.0, 40.0
_GRAPH_BLOCKS, _HOST_BLOCKS, _HOST_CALLS = 8, 4, 5
_MOST_LATE = 8
"""Times as many blocks as wanted may be left out before a file is given up."""

Judge = Callable[[Sequence[float]], Decision | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Two:
    """A baseline and a candidate that are loaded."""

    files: tuple[Loaded, Loaded]

    @property
    def names(self) -> list[str]:
        """What the worker calls them."""
        return [file.name for file in self.files]

    @property
    def block_s(self) -> float:
        """Seconds of a block, roughly."""
        return sum(file.call_us + file.host_us + _AROUND_A_CALL_US for file in self.files) * CALLS / 2e6


class Rounds:
    """What is timed, in which order, on which inputs."""

    def __init__(self, channel: Channel, rng: random.Random) -> None:
        self._channel, self._rng, self._blocks = channel, rng, 0
        self.watcher: nvml.Watcher | None = None
        """Told when calls are timed."""

    def until(self, two: Two, judge: Judge, *, until: float) -> tuple[Pairs, Decision | None]:
        """Time cold blocks until the judge says something at a look, or the looks or the time are over.

        However little time there is, there are as many blocks as an interval needs.

        Args:
            two: the files.
            judge: looks at the logarithms of the ratios so far.
            until: on ``time.monotonic()``.

        Raises:
            Failed: a job did not come to its end, or no block was good.
        """
        pairs = Pairs()
        while (count := sequential.next_look(len(pairs))) is not None:
            if time.monotonic() >= until and (len(pairs) >= FEWEST or pairs.left_out >= _MOST_LATE * FEWEST):
                break
            self._batch(two, pairs, count - len(pairs), cold=True, until=until)
            if len(pairs) == count and (decision := judge(pairs.log_ratios)) is not None:
                return pairs, decision
        return good(pairs, FEWEST), judge(pairs.log_ratios)

    def some(self, two: Two, count: int, *, cold: bool, until: float, least: int = FEWEST) -> Pairs:
        """Time ``count`` blocks, or as many as there is time for, but at least ``least``.

        Raises:
            Failed: a job did not come to its end, or no block was good.
        """
        pairs = Pairs()
        while len(pairs) < count and pairs.left_out < _MOST_LATE * count:
            if len(pairs) >= least and time.monotonic() > until:
                break
            self._batch(two, pairs, count - len(pairs), cold=cold, until=until)
        return good(pairs, least)

    def hosts(self, two: Two) -> list[list[float]]:
        """Wall clock of issuing a call, for each file.

        Raises:
            Failed: a job did not come to its end.
        """
        orders = [draw_order(self._rng) for _ in range(_HOST_BLOCKS)]
        arguments = {"names": two.names, "orders": orders, "count": _HOST_CALLS}
        wait_s = _patience_s(two, CALLS * _HOST_CALLS * _HOST_BLOCKS)
        return _two_lists(self._channel.ask("issue", arguments, timeout_s=wait_s).get("us"))

    def graphs(self, two: Two) -> tuple[list[list[float]], list[str]]:
        """Times of replayed graphs, and why there are none; last, since a failed capture may take the process along."""
        orders = [draw_order(self._rng) for _ in range(_GRAPH_BLOCKS)]
        arguments = {"names": two.names, "orders": orders}
        try:
            told = self._channel.ask("replay", arguments, timeout_s=_patience_s(two, CALLS * _GRAPH_BLOCKS))
            reasons = told.get("reasons")
            said = [str(each) for each in reasons] if isinstance(reasons, list) and len(reasons) == 2 else ["", ""]
            if told.get("spoiled") is not False:
                self._channel.restart()
            return _two_lists(told.get("us")), said
        except Failed as failed:
            return [[], []], [failed.what, failed.what]

    def alone(self, text: str) -> Failed | None:
        """Run a file without another beside it; how it failed, if it did."""
        try:
            file = self._channel.load(text, timeout_s=_ALONE_LIMIT_S)
            block = {"order": [0] * CALLS, "set": 0, "salt": "alone"}
            arguments = {"names": [file.name], "blocks": [block], "cold": True, "limit_s": 1.0}
            self._channel.ask("measure", arguments, timeout_s=_ALONE_LIMIT_S)
        except Failed as failed:
            return failed
        return None

    def _batch(self, two: Two, pairs: Pairs, wanted: int, *, cold: bool, until: float) -> None:
        """Time at most ``wanted`` blocks, one at least, in one job."""
        left_s, sets = max(0.0, until - time.monotonic()), self._channel.machine().sets
        count = max(1, min(wanted, int(min(_BATCH_S, left_s) / two.block_s)))
        blocks = []
        for _ in range(count):
            self._blocks += 1
            number = self._rng.randrange(sets)
            blocks.append({"order": draw_order(self._rng), "set": number, "salt": f"block {self._blocks}"})
        arguments = {"names": two.names, "blocks": blocks, "cold": cold, "limit_s": min(2 * _BATCH_S, left_s)}
        with contextlib.nullcontext() if self.watcher is None else self.watcher.running():
            told = self._channel.ask("measure", arguments, timeout_s=_patience_s(two, CALLS * count))
        pairs.add(blocks, told.get("blocks"))


def good(pairs: Pairs, least: int) -> Pairs:
    """The pairs, if there are enough.

    Raises:
        Failed: too many blocks were left out.
    """
    if len(pairs) >= least:
        return pairs
    what = "an autotuner runs in the timed calls" if pairs.tuned else "the host is not ahead of the device"
    raise Failed("", "raised", what, None)


def _patience_s(two: Two, calls: int) -> float:
    """Seconds after which so many calls are taken to hang."""
    return _SPARE_S + _SLOWER_THAN_TOLD * two.block_s * calls / CALLS


def _two_lists(value: object) -> list[list[float]]:
    if not isinstance(value, list) or len(value) != 2:
        raise Failed("", "crashed", "the worker's answer is not usable", None)
    return [figures(each) for each in value]
