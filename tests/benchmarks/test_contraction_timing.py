"""Files side by side, by a clock that ticks as they say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from contraction_timing import SideBySide

from tilewright.prove.session import ENVIRONMENT
from tilewright.records.problem import Problem
from tilewright.records.source import TensorSpec
from tilewright.timing import Call
from tilewright.timing.channel import PLACES, Place
from tilewright.timing.statistics import FEWEST

HERE = Path(__file__).parents[1] / "timing"
CALL = Call(problem=Problem(inputs=(TensorSpec(name="x", dtype="f32", shape=(4, 6)),)))
FILE = """import ticks
import torch


class ModelNew(torch.nn.Module):
    calls = 0

    def forward(self, x):
        ModelNew.calls += 1
        {statement}
        ticks.take({us})
        return x
"""


def file(us: float, statement: str = "pass") -> str:
    return FILE.format(us=us, statement=statement)


@pytest.fixture(scope="module")
def bench() -> Iterator[SideBySide]:
    patch = pytest.MonkeyPatch()
    environment = {**ENVIRONMENT, "PYTHONPATH": str(HERE)}
    patch.setitem(PLACES, "none", Place(jobs="ticking_job", environment=environment, memory_bytes=6 << 30))
    with SideBySide(device="none", seed=3) as one:
        yield one
    patch.undo()


def test_any_two_make_a_pair(bench: SideBySide) -> None:
    texts = {"input": file(4000), "torch": file(1000), "tilewright": file(800), "compile": file(1200)}
    found = bench.time(CALL, texts, seconds=0.5, limits_s={})
    assert bench.machine is not None
    for slow, fast, ratio in (("torch", "tilewright", 1.25), ("input", "tilewright", 5.0), ("compile", "torch", 1.2)):
        interval = found.ratio(slow, fast)
        assert interval is not None
        assert interval.low <= interval.value <= interval.high
        assert interval.value == pytest.approx(ratio, rel=0.02)
    side = found.sides["torch"]
    assert side.cold_us is not None
    assert side.host_us is not None
    assert side.cold_us.value == pytest.approx(1000, rel=0.02)
    assert FEWEST <= len(found.logs["torch"]) <= 40
    assert found.left_out == 0


def test_there_are_enough_blocks_however_short_the_time(bench: SideBySide) -> None:
    found = bench.time(CALL, {"input": file(1000), "torch": file(500)}, seconds=1e-9, limits_s={})
    assert len(found.logs["input"]) >= FEWEST


@pytest.mark.parametrize(
    ("statement", "error"),
    [
        pytest.param("raise RuntimeError('no such luck')", "raised: line 10: RuntimeError: no such luck", id="loading"),
        pytest.param(
            "assert ModelNew.calls < 20, 'worn out'", "raised: line 10: AssertionError: worn out", id="timing"
        ),
        pytest.param("import os; os._exit(3)", "crashed", id="taking the process along"),
    ],
)
def test_one_that_fails_says_so_and_the_others_are_timed(bench: SideBySide, statement: str, error: str) -> None:
    texts = {"input": file(2000), "tilewright": file(1000, statement), "torch": file(500)}
    found = bench.time(CALL, texts, seconds=0.5, limits_s={})
    assert found.sides["tilewright"].error.startswith(error), found.sides["tilewright"]
    assert found.sides["tilewright"].cold_us is None
    assert found.ratio("torch", "tilewright") is None
    interval = found.ratio("input", "torch")
    assert interval is not None
    assert interval.value == pytest.approx(4.0, rel=0.02)


def test_two_roles_may_hold_the_same_text(bench: SideBySide) -> None:
    found = bench.time(CALL, {"input": file(700), "tilewright": file(700)}, seconds=0.2, limits_s={})
    interval = found.ratio("input", "tilewright")
    assert interval is not None
    assert interval.value == pytest.approx(1.0, rel=0.02)
