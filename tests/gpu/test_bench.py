"""Timing on a real GPU: what the simulated clock of tests/timing cannot show.

Run by hand where there is a GPU: ``python -m pytest tests/gpu/test_bench.py``.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")

from tilewright.errors import TimingError  # noqa: E402
from tilewright.records.problem import Problem  # noqa: E402
from tilewright.records.source import TensorSpec  # noqa: E402
from tilewright.records.timing import Decision  # noqa: E402
from tilewright.timing import Call, Timer  # noqa: E402

SHAPE = (8192, 4096)
LIMIT_S = 10.0
KERNEL = """import time
import torch
import torch.nn as nn
import triton
import triton.language as tl

side = None


@triton.jit
def scale_kernel(x_ptr, y_ptr, count, BLOCK: tl.constexpr):
    offs = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y_ptr + offs, tl.load(x_ptr + offs, mask=offs < count) * 2.0, mask=offs < count)


def scaled(x):
    out = torch.empty_like(x)
    scale_kernel[(triton.cdiv(x.numel(), 4096),)](x, out, x.numel(), BLOCK=4096)
    return out


class ModelNew(nn.Module):
    def forward(self, x):
        return scaled(x)
"""


def doing(statement: str) -> str:
    return KERNEL.replace("        return scaled(x)", f"        {statement}\n        return scaled(x)")


TWICE = doing("scaled(x)")
TUNED = KERNEL.replace(
    "@triton.jit",
    "@triton.autotune([triton.Config({'BLOCK': 1024}), triton.Config({'BLOCK': 8192})], key=['count'])\n@triton.jit",
).replace(
    "scale_kernel[(triton.cdiv(x.numel(), 4096),)](x, out, x.numel(), BLOCK=4096)",
    "scale_kernel[lambda meta: (triton.cdiv(x.numel(), meta['BLOCK']),)](x, out, x.numel())",
)
OUTSIDE = KERNEL.replace("mask=offs < count) * 2.0, mask=offs < count)", "mask=offs < count) * 2.0)").replace(
    "y_ptr + offs", "y_ptr + offs + (1 << 40)"
)


@pytest.fixture(scope="module")
def timer() -> Iterator[Timer]:
    call = Call(problem=Problem(inputs=(TensorSpec(name="x", dtype="f32", shape=SHAPE),)))
    with Timer(call, seed=1) as one:
        yield one


def test_a_file_against_itself(timer: Timer) -> None:
    found = timer.compare(KERNEL, KERNEL, limit_s=LIMIT_S)
    assert found.decision is Decision.SAME, found
    assert found.noise_floor < 0.025
    assert found.baseline.graph_us is not None
    assert found.baseline.host_us is not None
    # 128 MiB in and out, at what no GPU passes and at what every one of these reaches
    assert 20 < found.baseline.cold_us.value < 2000
    assert found.baseline.warm_us.value == pytest.approx(found.baseline.graph_us.value, rel=0.25)
    assert found.conditions is not None
    assert found.conditions.sm_mhz[1] > 300
    assert found.driver


def test_twice_the_work_is_slower(timer: Timer) -> None:
    found = timer.compare(KERNEL, TWICE, limit_s=LIMIT_S)
    assert found.decision is Decision.SLOWER, found
    assert 0.4 < found.ratio.low < found.ratio.high < 0.65
    assert timer.compare(TWICE, KERNEL, limit_s=LIMIT_S).decision is Decision.FASTER


def test_a_slow_host_is_no_slow_kernel(timer: Timer) -> None:
    """Two milliseconds of the host's before the launch show as the host's, and nowhere else."""
    found = timer.compare(KERNEL, doing("time.sleep(0.002)"), limit_s=2 * LIMIT_S)
    assert found.decision is Decision.SAME, found
    assert found.candidate.host_us is not None
    assert found.candidate.host_us.value > 2000
    assert found.candidate.graph_us is not None
    assert found.candidate.graph_us.value == pytest.approx(found.baseline.warm_us.value, rel=0.25)


def test_a_call_that_waits_says_so(timer: Timer) -> None:
    found = timer.compare(KERNEL, doing("float(x[0, 0])"), limit_s=LIMIT_S)
    assert "the candidate's call waits for the device: its times hold the host's too" in found.notes
    assert found.candidate.graph_us is None
    assert any(note.startswith("the candidate has no graph time: ") for note in found.notes)
    # the failed capture left a process that goes on
    assert timer.compare(KERNEL, KERNEL, limit_s=LIMIT_S).decision is Decision.SAME


def test_autotuning_is_over_before_the_clock_starts(timer: Timer) -> None:
    found = timer.compare(TUNED, TUNED, limit_s=LIMIT_S)
    assert found.decision is Decision.SAME, found
    assert found.baseline.configurations == found.candidate.configurations
    assert len(found.baseline.configurations) == 1
    assert found.baseline.configurations[0].startswith("scale_kernel: BLOCK: ")
    assert not any("autotuner" in note for note in found.notes)


def test_candidates_that_fail_cost_the_others_nothing(timer: Timer) -> None:
    too_much = doing("torch.empty(1 << 50, dtype=torch.uint8, device='cuda')")
    beside = doing(
        "global side; side = side or torch.cuda.Stream()\n"
        "        with torch.cuda.stream(side):\n            torch.cuda._sleep(20_000_000)"
    )
    candidates = [TWICE, OUTSIDE, too_much, doing("raise ValueError('boo')"), beside, KERNEL]
    found = timer.screen(KERNEL, candidates, limit_s=200.0)
    assert [bool(one.error) for one in found] == [False, True, True, True, True, False], found
    assert "illegal" in found[1].error.lower()
    assert "OutOfMemory" in found[2].error
    assert found[3].error.endswith("ValueError: boo")
    assert "stays busy" in found[4].error
    ratios = [one.ratio.value for one in found if one.ratio is not None]
    assert ratios == pytest.approx([0.5, 1.0], rel=0.1)


def test_a_lost_device_names_its_file(timer: Timer) -> None:
    with pytest.raises(TimingError) as caught:
        timer.compare(KERNEL, OUTSIDE, limit_s=LIMIT_S)
    assert caught.value.file == "candidate"
    assert timer.compare(KERNEL, TWICE, limit_s=LIMIT_S).decision is Decision.SLOWER


def test_a_new_process_confirms(timer: Timer) -> None:
    timer.restart()
    assert timer.compare(KERNEL, TWICE, limit_s=LIMIT_S).decision is Decision.SLOWER
