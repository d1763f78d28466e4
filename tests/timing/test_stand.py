"""Files are loaded, settled and timed, on the simulated device: what the worker does, in this process."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import torch

from tilewright.timing import tuners
from tilewright.timing.cuda_clock import CudaClock
from tilewright.timing.stand import Stand

FILE = """import torch
from simulated import device


class ModelNew(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.full((width,), {value}))
        self.calls = 0

    def forward(self, x):
        self.calls += 1
        {statement}
        device.work({us}, issue_us=30.0)
        return x
"""
INPUTS = [{"shape": [4, 6], "dtype": "f32", "strides": None, "offset": 0}]
ABBA = [{"order": [0, 1, 1, 0], "set": 0, "salt": f"block {number}"} for number in range(20)]
Load = Callable[..., dict[str, Any]]


class Simulated(CudaClock):
    """The clock of a GPU, with tensors on the CPU."""

    device = "cpu"

    def describe(self) -> dict[str, Any]:
        return {"name": "simulated"}

    def seed(self, seed: int) -> None:
        torch.default_generator.manual_seed(seed)

    def free_bytes(self) -> int:
        return 1 << 20

    def tidy(self) -> None:
        self.tidied = True

    def lost(self, error: BaseException) -> bool:
        return "lost" in str(error)


@pytest.fixture
def clock(device: Any, monkeypatch: pytest.MonkeyPatch) -> Simulated:
    monkeypatch.setitem(sys.modules, "simulated", SimpleNamespace(device=device))
    return Simulated(device)


@pytest.fixture
def stand(clock: Simulated) -> Stand:
    one = Stand(clock)
    assert one.begin(inputs=INPUTS, init=[3], reference=None, seed=5) == {"sets": 4, "notes": []}
    return one


@pytest.fixture
def load(stand: Stand, tmp_path: Path) -> Load:
    def loaded(
        name: str, *, us: float = 100.0, statement: str = "pass", value: float = 1.0, like: str | None = None
    ) -> Any:
        path = tmp_path / f"{name}.py"
        path.write_text(FILE.format(us=us, statement=statement, value=value))
        return stand.load(name=name, path=str(path), like=like)

    return loaded


def test_two_files_in_turns(stand: Stand, load: Load, device: Any) -> None:
    assert load("a") == {"configurations": [], "waits": False, "call_us": 11.0, "host_us": pytest.approx(30.0)}
    load("b", us=150.0)
    device.log.clear()
    told = stand.measure(names=["a", "b"], blocks=ABBA[:2], cold=True, limit_s=60.0)
    assert [block["us"] for block in told["blocks"]] == [pytest.approx([100.0, 150.0, 150.0, 100.0])] * 2
    assert all(block["ahead"] and not block["tuned"] for block in told["blocks"])
    assert device.log.count("flush") == 8
    warm = stand.measure(names=["a", "b"], blocks=ABBA[:1], cold=False, limit_s=60.0)
    assert warm["blocks"][0]["us"] == pytest.approx([100.0, 150.0, 150.0, 100.0])


def test_time_that_is_up_ends_after_a_block(stand: Stand, load: Load) -> None:
    load("a")
    load("b")
    assert len(stand.measure(names=["a", "b"], blocks=ABBA, cold=True, limit_s=-1.0)["blocks"]) == 1


def test_a_host_that_is_held_up_costs_its_blocks_alone(stand: Stand, load: Load) -> None:
    load("a")
    load("b", statement="device.host_us += 50_000 if self.calls > 60 and self.calls % 11 == 0 else 0")
    blocks = stand.measure(names=["a", "b"], blocks=ABBA * 4, cold=True, limit_s=60.0)["blocks"]
    late = [block for block in blocks if not block["ahead"]]
    assert 0 < len(late) < len(blocks) / 2
    assert all(block["us"] == pytest.approx([100.0] * 4) for block in blocks if block["ahead"])


def test_a_call_that_waits_is_no_reason_to_leave_a_block_out(stand: Stand, load: Load) -> None:
    load("a")
    assert load("b", statement="device.synchronize()")["waits"] is True
    (block,) = stand.measure(names=["a", "b"], blocks=ABBA[:1], cold=True, limit_s=60.0)["blocks"]
    assert block["ahead"] is True
    told = stand.replay(names=["b", "b"], orders=[[0, 1, 1, 0]])
    assert told == {"us": [[], []], "reasons": ["its call waits for the device"] * 2, "spoiled": False}


def test_graphs_are_replayed_and_what_cannot_be_captured_is_told(
    stand: Stand, load: Load, clock: Simulated, monkeypatch: pytest.MonkeyPatch
) -> None:
    load("a")
    load("b", us=150.0)
    captured = iter([lambda: clock._cuda.work(80.0), None])

    def capture(call: Any) -> Any:
        replay = next(captured)
        if replay is None:
            raise RuntimeError("not permitted")
        return replay

    monkeypatch.setattr(clock, "captured", capture)
    told = stand.replay(names=["a", "b"], orders=[[0, 1, 1, 0]])
    assert told["us"] == [pytest.approx([80.0, 80.0]), []]
    assert told["reasons"] == ["", "RuntimeError: not permitted"]


def test_the_host_is_timed_by_itself(stand: Stand, load: Load) -> None:
    load("a")
    load("b")
    told = stand.issue(names=["a", "b"], orders=[[0, 1, 1, 0]], count=2)
    assert told["us"] == [pytest.approx([30.0] * 4)] * 2


def test_autotuning_in_a_timed_call_is_told(stand: Stand, load: Load, monkeypatch: pytest.MonkeyPatch) -> None:
    runs = iter(range(10_000))
    load("a")
    load("b")
    monkeypatch.setattr(tuners, "measured", lambda: next(runs))
    (block,) = stand.measure(names=["a", "b"], blocks=ABBA[:1], cold=True, limit_s=60.0)["blocks"]
    assert block["tuned"] is True
    assert load("c")["failed"]["what"] == "autotuning goes on after 12 calls of one shape"


def test_parameters_are_the_same_in_every_file(stand: Stand, load: Load) -> None:
    load("a", value=1.0)
    load("b", value=2.0)
    first, second = (stand._files[name].model.weight for name in "ab")
    assert torch.equal(first, second)
    assert first.data_ptr() != second.data_ptr()


@pytest.mark.parametrize(
    ("statement", "kind", "what", "line"),
    [
        pytest.param("raise ValueError('boo')", "raised", "ValueError: boo", 13, id="raises"),
        pytest.param("raise MemoryError('all')", "out_of_memory", "MemoryError: all", 13, id="out of memory"),
        pytest.param("import nowhere_at_all", "raised", "ModuleNotFoundError: ", 13, id="no such module"),
    ],
)
def test_what_a_file_raises_is_data(load: Load, statement: str, kind: str, what: str, line: int) -> None:
    failed = load("a", statement=statement)["failed"]
    assert (failed["kind"], failed["name"], failed["line"], failed["lost"]) == (kind, "a", line, False)
    assert failed["what"].startswith(what)


def test_of_two_files_the_one_that_raised_is_named(stand: Stand, load: Load) -> None:
    load("a")
    load("b", statement="assert self.calls < 60, 'the device is lost'")
    failed = stand.measure(names=["a", "b"], blocks=ABBA * 4, cold=True, limit_s=60.0)["failed"]
    assert (failed["name"], failed["line"], failed["lost"]) == ("b", 13, True)


def test_work_beside_the_stream_is_not_timed(stand: Stand, load: Load, device: Any) -> None:
    device.time_calls = lambda call: {"events_us": [10.0], "after_us": 900.0}
    failed = load("a")["failed"]
    assert failed["what"] == "the device stays busy for 900 us after the call's own stream is done"


def test_what_is_forgotten_is_gone(stand: Stand, load: Load, clock: Simulated) -> None:
    load("a")
    assert "tilewright_timed_a" in sys.modules
    stand.forget(name="a")
    assert "tilewright_timed_a" not in sys.modules
    assert clock.tidied


def test_inputs_that_cannot_be_made_are_data(stand: Stand) -> None:
    told = stand.begin(
        inputs=[{"shape": [4], "dtype": "f33", "strides": None, "offset": 0}], init=[], reference=None, seed=1
    )
    assert told["failed"]["what"] == "KeyError: 'f33'"
