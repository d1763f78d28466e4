"""A host and a device that are simulated, with a time line each."""

from __future__ import annotations

from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from tilewright.timing.cuda_clock import CudaClock

ISSUE_US, FLUSH_US = 2.0, 64.0


class Device:
    """A host and a device with a time line each; the host issues, the device works through it in order."""

    def __init__(self) -> None:
        self.host_us = self.free_us = 0.0
        self.log: list[str] = []

    def work(self, us: float, *, issue_us: float = ISSUE_US) -> None:
        self.host_us += issue_us
        self.free_us = max(self.free_us, self.host_us) + us

    def now(self) -> float:
        return self.host_us / 1e6

    def event(self) -> SimpleNamespace:
        return SimpleNamespace(at_us=None)

    def record(self, event: Any) -> None:
        event.at_us = max(self.free_us, self.host_us)
        self.log.append("record")

    def query(self, event: Any) -> bool:
        return bool(self.host_us >= event.at_us)

    def elapsed_us(self, start: Any, end: Any) -> float:
        return float(end.at_us - start.at_us)

    def synchronize(self) -> None:
        self.host_us = max(self.host_us, self.free_us)

    def flush(self) -> None:
        self.log.append("flush")
        self.work(FLUSH_US)

    def delay(self, us: float) -> None:
        self.work(us)

    def time_calls(self, call: Callable[[], Any]) -> dict[str, Any]:
        call()
        return {"events_us": [11.0, 10.0, 12.0], "after_us": 3.0}


@pytest.fixture
def device() -> Device:
    return Device()


@pytest.fixture
def clock(device: Device) -> CudaClock:
    return CudaClock(device)  # type: ignore[arg-type]
