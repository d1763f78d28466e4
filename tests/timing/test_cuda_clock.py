"""Device times by events, on a device that is simulated: what the host does must never show in them."""

from __future__ import annotations

import contextlib
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tilewright.timing.cuda_clock import CudaClock


@pytest.mark.parametrize("host_us", [5.0, 100.0, 2_000.0])
@pytest.mark.parametrize("cold", [True, False], ids=["cold", "warm"])
def test_what_the_host_takes_does_not_show(device: Any, clock: CudaClock, host_us: float, cold: bool) -> None:
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


def test_a_host_that_is_held_up_is_seen(device: Any, clock: CudaClock) -> None:
    stalls = iter([0.0, 4_000.0])

    def call() -> None:
        device.work(10.0, issue_us=20.0)
        device.host_us += next(stalls, 0.0)
        device.work(10.0, issue_us=20.0)

    first, second = clock.block([call] * 2, cold=True)
    assert (first.ahead, second.ahead) == (True, False)
    assert second.us > 1_000.0


def test_the_delay_grows_to_a_limit(device: Any, clock: CudaClock) -> None:
    def call() -> None:
        device.synchronize()

    for _ in range(40):
        assert not clock.block([call], cold=True)[0].ahead
        clock.more_time()
    assert clock._delay_us == 20_000.0
    for _ in range(200):
        assert clock.block([lambda: device.work(10.0)], cold=True)[0].ahead
    assert clock._delay_us == 60.0


def test_a_call_that_waits_for_the_device_is_seen(device: Any, clock: CudaClock) -> None:
    def call() -> None:
        device.work(10.0)
        device.synchronize()
        device.work(10.0)

    assert clock.probe(call).waits
    assert clock._delay_us == 60.0


def test_issuing_is_timed_on_the_host_alone(device: Any, clock: CudaClock) -> None:
    assert clock.issue(lambda: device.work(5_000.0, issue_us=40.0), 3) == pytest.approx([40.0] * 3)
    assert device.host_us >= device.free_us


def test_an_error_that_is_not_of_the_device_loses_nothing(clock: CudaClock) -> None:
    assert clock.lost(ValueError("boo")) is False


@pytest.mark.parametrize("fails", [False, True], ids=["captured", "not captured"])
def test_a_capture_that_fails_spoils_the_process(
    clock: CudaClock, fails: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stream = SimpleNamespace(wait_stream=lambda other: None)
    replayed: list[str] = []

    class Graph:
        def replay(self) -> None:
            replayed.append("replay")

    @contextlib.contextmanager
    def capture(graph: Graph, *, capture_error_mode: str) -> Any:
        yield
        if fails:
            raise RuntimeError("operation not permitted when stream is capturing")

    monkeypatch.setattr(torch.cuda, "Stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "current_stream", lambda: stream)
    monkeypatch.setattr(torch.cuda, "stream", lambda which: contextlib.nullcontext())
    monkeypatch.setattr(torch.cuda, "CUDAGraph", Graph, raising=False)
    monkeypatch.setattr(torch.cuda, "graph", capture)
    if fails:
        with pytest.raises(RuntimeError, match="capturing"):
            clock.captured(lambda: None)
    else:
        assert clock.captured(lambda: "kept")() == "kept"
        assert replayed == ["replay"]
    assert clock.spoiled is fails
