"""Wall clock of Triton's interpreter: worker side. Says nothing about a GPU; the whole path runs on it without one."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Sequence
from typing import Any

import torch
import triton
from triton.language import standard
from triton.runtime.interpreter import InterpretedFunction

from tilewright.prove.device import cuda_on_cpu
from tilewright.timing import tuners
from tilewright.timing.clock import Launch, Probed, Sample

_FREE_BYTES = 1 << 30
_NAME = "Triton's interpreter"


class HostClock:
    """The CPU, pretending to be a GPU."""

    device = "cpu"
    threads = 1
    spoiled = False

    def __init__(self) -> None:
        if not isinstance(standard.sum, InterpretedFunction):
            raise RuntimeError("this worker imported triton without TRITON_INTERPRET=1")
        torch.set_num_threads(1)
        self._lasting = contextlib.ExitStack()
        self._lasting.enter_context(torch.no_grad())
        self._lasting.enter_context(cuda_on_cpu())
        tuners.watch()

    def now_us(self) -> float:
        """The time."""
        return time.perf_counter() * 1e6

    def describe(self) -> dict[str, Any]:
        """See :class:`~tilewright.timing.clock.Clock`."""
        versions = {"torch": torch.__version__, "triton": triton.__version__}
        return {"name": _NAME, "uuid": None, "free_bytes": _FREE_BYTES, "versions": versions}

    def seed(self, seed: int) -> None:
        """Set PyTorch's generator."""
        torch.default_generator.manual_seed(seed)

    def free_bytes(self) -> int:
        """A part of what the worker may take."""
        return _FREE_BYTES

    def finish(self) -> None:
        """Every call has ended when it returns."""

    def tidy(self) -> None:
        """There is no allocator that keeps memory."""

    def probe(self, call: Launch) -> Probed:
        """See :class:`~tilewright.timing.clock.Clock`."""
        us = statistics.median(self.issue(call, 2))
        return Probed(call_us=us, host_us=us, after_us=0.0, waits=False)

    def block(self, calls: Sequence[Launch], *, cold: bool) -> list[Sample]:
        """See :class:`~tilewright.timing.clock.Clock`; there is nothing to flush."""
        return [Sample(us=us, ahead=True) for call in calls for us in self.issue(call, 1 if cold else 2)[-1:]]

    def more_time(self) -> None:
        """The host is the device."""

    def issue(self, call: Launch, count: int) -> list[float]:
        """See :class:`~tilewright.timing.clock.Clock`."""
        found = []
        for _ in range(count):
            began = self.now_us()
            call()
            found.append(self.now_us() - began)
        return found

    def captured(self, call: Launch) -> Launch:
        """There are no graphs here."""
        raise RuntimeError("there is no CUDA graph without a GPU")

    def lost(self, error: BaseException) -> bool:
        """There is no device to lose."""
        return False
