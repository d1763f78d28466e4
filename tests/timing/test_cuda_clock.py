"""Device times by events, on a device that is simulated: what the host does must never show in them."""

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


@pytest.mark.parametrize("host_us", [5.0, 100.0, 2_000.0])
@pytest.mark.parametrize("cold", [True, False], ids=["cold", "warm"])
def test_what_the_host_takes_does_not_show(device: Device, clock: CudaClock, host_us: float, cold: bool) -> None:
    def call() -> None:
        device.log.append("call")
        device.work(10.0, issue_us=host_us / 2)
        device.work(15.0, issue_us=host_us / 2)

    probed = clock.probe(call)
    assert (probed.waits, probed.call_us, probed.after_us) == (False, 11.0, 3.0)
    assert probed.host_us == pytest.approx(host_us)
    device.log.clear()
    samples = clock.block([call] * 4, cold=cold)
    assert [sample.ahead for sample in samples] == [True] * 4
    assert [sample.us for sample in samples] == pytest.approx([25.0] * 4)
    one = ["flush", "record", "call", "record"] if cold else ["call", "record", "call", "record"]
    assert device.log == one * 4


def test_a_host_that_is_held_up_is_seen(device: Device, clock: CudaClock) -> None:
    stalls = iter([0.0, 4_000.0])

    def call() -> None:
        device.work(10.0, issue_us=20.0)
        device.host_us += next(stalls, 0.0)
        device.work(10.0, issue_us=20.0)

    first, second = clock.block([call] * 2, cold=True)
    assert (first.ahead, second.ahead) == (True, False)
    assert second.us > 1_000.0


def test_the_delay_grows_to_a_limit(device: Device, clock: CudaClock) -> None:
    def call() -> None:
        device.synchronize()

    for _ in range(40):
        assert not clock.block([call], cold=True)[0].ahead
        clock.more_time()
    assert clock._delay_us == 20_000.0
    for _ in range(200):
        assert clock.block([lambda: device.work(10.0)], cold=True)[0].ahead
    assert clock._delay_us == 60.0


def test_a_call_that_waits_for_the_device_is_seen(device: Device, clock: CudaClock) -> None:
    def call() -> None:
        device.work(10.0)
        device.synchronize()
        device.work(10.0)

    assert clock.probe(call).waits
    assert clock._delay_us == 60.0


def test_issuing_is_timed_on_the_host_alone(device: Device, clock: CudaClock) -> None:
    assert clock.issue(lambda: device.work(5_000.0, issue_us=40.0), 3) == pytest.approx([40.0] * 3)
    assert device.host_us >= device.free_us


def test_an_error_that_is_not_of_the_device_loses_nothing(clock: CudaClock) -> None:
    assert clock.lost(ValueError("boo")) is False
