"""Times on a GPU, by events on its own time line: worker side.

Every call's events are only good if the host had issued the whole call before the device reached the first event:
otherwise gaps in which the device waited for the host would count as the kernel's time. So the device is kept busy
before each call, and whether that was long enough is looked at call by call: if the first event has not happened
when the last was issued, it was.
"""

from __future__ import annotations

import contextlib
import os
import statistics
import time
from collections.abc import Callable, Sequence
from typing import Any

import torch
import triton

from tilewright.prove.cuda import timing as gate_timing
from tilewright.timing import tuners
from tilewright.timing.clock import Launch, Probed, Sample

_FLUSH_BYTES, _FLUSH_CACHES = 256 << 20, 2
"""At least so many bytes are written, and at least so many times the L2's size."""
_LEAST_DELAY_US, _MOST_DELAY_US, _DELAY_FACTOR = 60.0, 20_000.0, 3.0
_GROWTH, _DECAY = 1.5, 0.95
"""Of the delay after a block in which the host was late, and after one in which it was not."""
_CYCLES_A_US = 2_000
"""Of the highest clock that a GPU of today runs at: at a lower one a delay only grows."""
_MOST_THREADS = 16
_TRIES, _ISSUES, _WARM_UPS = 3, 5, 3


class Cuda:
    """The thin part: PyTorch's own functions, taken before any file could replace them."""

    def __init__(self) -> None:
        tuners.watch()
        self._lasting = contextlib.ExitStack()
        self._lasting.enter_context(torch.no_grad())
        self.now, self._event = time.perf_counter, torch.cuda.Event
        self.record, self.query = torch.cuda.Event.record, torch.cuda.Event.query
        self._elapsed, self._zero = torch.cuda.Event.elapsed_time, torch.Tensor.zero_
        self.synchronize, self._sleep = torch.cuda.synchronize, torch._C._cuda_sleep
        self.time_calls: Callable[[Launch], dict[str, Any]] = gate_timing.time_calls
        properties = torch.cuda.get_device_properties(0)
        size = max(_FLUSH_BYTES, _FLUSH_CACHES * int(properties.L2_cache_size))
        self._buffer = torch.empty(size, dtype=torch.uint8, device="cuda")

    def event(self) -> Any:
        """A fresh event that keeps the time."""
        return self._event(enable_timing=True)

    def elapsed_us(self, start: Any, end: Any) -> float:
        """Between two events that have happened."""
        return float(self._elapsed(start, end)) * 1e3

    def flush(self) -> None:
        """Fill the L2 with what no call reads."""
        self._zero(self._buffer)

    def delay(self, us: float) -> None:
        """Keep the device busy for at least ``us``."""
        self._sleep(int(us * _CYCLES_A_US))


class CudaClock:
    """The first CUDA device."""

    device = "cuda"
    threads = max(1, min(_MOST_THREADS, len(os.sched_getaffinity(0))))
    spoiled = False

    def __init__(self, cuda: Cuda | None = None) -> None:
        """Make the device's context.

        Args:
            cuda: for tests: what stands for the device.
        """
        self._cuda = Cuda() if cuda is None else cuda
        self._usual_us = self._delay_us = _LEAST_DELAY_US

    def describe(self) -> dict[str, Any]:
        """See :class:`~tilewright.timing.clock.Clock`."""
        properties = torch.cuda.get_device_properties(0)
        uuid = getattr(properties, "uuid", None)
        versions = {"torch": torch.__version__, "triton": triton.__version__, "cuda": str(torch.version.cuda)}
        return {
            "name": properties.name,
            "uuid": None if uuid is None else str(uuid),
            "free_bytes": self.free_bytes(),
            "versions": versions,
        }

    def seed(self, seed: int) -> None:
        """Set PyTorch's generators."""
        torch.default_generator.manual_seed(seed)
        torch.cuda.manual_seed_all(seed)

    def free_bytes(self) -> int:
        """Of the device."""
        return int(torch.cuda.mem_get_info()[0])

    def finish(self) -> None:
        """Wait for every stream."""
        self._cuda.synchronize()

    def tidy(self) -> None:
        """Give cached blocks back to the device."""
        torch.cuda.empty_cache()

    def probe(self, call: Launch) -> Probed:
        """See :class:`~tilewright.timing.clock.Clock`."""
        told = self._cuda.time_calls(call)
        host_us = statistics.median(self.issue(call, _ISSUES))
        waits = all(self._waits(call) for _ in range(_TRIES))
        if not waits:
            self._usual_us = min(_MOST_DELAY_US, max(self._usual_us, _DELAY_FACTOR * host_us))
            self._delay_us = max(self._delay_us, self._usual_us)
        return Probed(
            call_us=statistics.median(told["events_us"]),
            host_us=host_us,
            after_us=float(told["after_us"]),
            waits=waits,
        )

    def _waits(self, call: Launch) -> bool:
        """Whether a device that was kept busy had come to the call when the call was issued."""
        reached = self._cuda.event()
        self._cuda.delay(_MOST_DELAY_US)
        self._cuda.record(reached)
        call()
        found = bool(self._cuda.query(reached))
        self._cuda.synchronize()
        return found

    def block(self, calls: Sequence[Launch], *, cold: bool) -> list[Sample]:
        """See :class:`~tilewright.timing.clock.Clock`; nothing waits until all calls are issued."""
        cuda, marks = self._cuda, []
        for call in calls:
            start, end = cuda.event(), cuda.event()
            if cold:
                cuda.flush()
            cuda.delay(self._delay_us)
            if not cold:
                call()
            cuda.record(start)
            call()
            cuda.record(end)
            marks.append((start, end, not cuda.query(start)))
        cuda.synchronize()
        self._delay_us = max(self._usual_us, _DECAY * self._delay_us)
        return [Sample(us=cuda.elapsed_us(start, end), ahead=ahead) for start, end, ahead in marks]

    def more_time(self) -> None:
        """See :class:`~tilewright.timing.clock.Clock`."""
        self._delay_us = min(_MOST_DELAY_US, _GROWTH * self._delay_us)

    def issue(self, call: Launch, count: int) -> list[float]:
        """See :class:`~tilewright.timing.clock.Clock`; the device is idle when it begins."""
        cuda, found = self._cuda, []
        cuda.synchronize()
        for _ in range(count):
            began = cuda.now()
            call()
            found.append((cuda.now() - began) * 1e6)
        cuda.synchronize()
        return found

    def captured(self, call: Launch) -> Launch:
        """See :class:`~tilewright.timing.clock.Clock`."""
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(_WARM_UPS):
                call()
        torch.cuda.current_stream().wait_stream(side)
        self._cuda.synchronize()
        graph = torch.cuda.CUDAGraph()
        try:
            with torch.cuda.graph(graph, capture_error_mode="thread_local"):
                kept = call()
        except BaseException:
            # PyTorch's allocator may go on as if the capture did
            self.spoiled = True
            raise

        def replay() -> Any:
            graph.replay()
            return kept

        return replay

    def lost(self, error: BaseException) -> bool:
        """Whether the context still works after ``error``."""
        if not isinstance(error, RuntimeError):
            return False
        try:
            self._cuda.synchronize()
            torch.zeros(1, device=self.device).add_(1).cpu()
        except RuntimeError:
            return True
        return False
