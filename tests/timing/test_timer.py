"""From two texts to a comparison, through a worker, by a clock that ticks as the files say."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tilewright.errors import InputError, TimingError
from tilewright.prove.session import ENVIRONMENT
from tilewright.records.problem import Problem
from tilewright.records.source import TensorSpec
from tilewright.records.timing import Decision
from tilewright.timing import Call, Timer
from tilewright.timing.channel import PLACES, Place
from tilewright.timing.sequential import LEAST_FLOOR, LOOKS
from tilewright.timing.statistics import FEWEST
from tilewright.workers import Worker

HERE = str(Path(__file__).parent)
PROBLEM = Problem(inputs=(TensorSpec(name="x", dtype="f32", shape=(4, 6)),), init_arguments=(3,))
LIMIT_S = 30.0

FILE = """import ticks
import torch


class ModelNew(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.rand(width))
        self.width = width

    def forward(self, x):
        ticks.take({us}, {noise})
        return x
"""


def file(us: float, noise: float = 0.01) -> str:
    return FILE.format(us=us, noise=noise)


def failing(statement: str) -> str:
    return file(1000).replace("        return x", f"        {statement}\n        return x")


BASE = file(1000)


@pytest.fixture(scope="module")
def timer() -> Iterator[Timer]:
    patch = pytest.MonkeyPatch()
    patch.setitem(PLACES, "none", Place(jobs="ticking_job", memory_bytes=6 << 30))
    environment = {**ENVIRONMENT, "PYTHONPATH": HERE}
    with Worker(environment=environment, preload=("ticking_job",)) as worker:
        yield Timer(Call(problem=PROBLEM), device="none", seed=7, worker=worker)
    patch.undo()


@pytest.mark.parametrize(
    ("candidate", "decision", "ratio"),
    [
        pytest.param(BASE, Decision.SAME, 1.0, id="against itself"),
        pytest.param(file(1030), Decision.SLOWER, 1 / 1.03, id="slowed by 3 %"),
        pytest.param(file(970), Decision.FASTER, 1 / 0.97, id="3 % faster"),
    ],
)
def test_a_comparison(timer: Timer, candidate: str, decision: Decision, ratio: float) -> None:
    found = timer.compare(BASE, candidate, limit_s=LIMIT_S)
    assert found.decision is decision, found
    assert found.ratio.low <= found.ratio.value <= found.ratio.high
    assert found.ratio.value == pytest.approx(ratio, rel=0.01)
    assert found.warm_ratio.value == pytest.approx(ratio, rel=0.02)
    assert found.noise_floor >= LEAST_FLOOR
    assert found.pairs in [2 * count for count in LOOKS]
    assert found.baseline.cold_us.value == pytest.approx(1000, rel=0.02)
    assert found.candidate.cold_us.value == pytest.approx(1000 / ratio, rel=0.02)
    assert (found.baseline.sha256 == found.candidate.sha256) == (candidate == BASE)


def test_what_a_comparison_says_of_its_circumstances(timer: Timer) -> None:
    found = timer.compare(BASE, file(1500), limit_s=LIMIT_S, noise_floor=0.2)
    assert found.noise_floor == 0.2
    assert found.decision is Decision.SLOWER
    assert {"python", "torch", "triton"} <= found.versions.keys()
    assert "the baseline has no graph time: RuntimeError: there is no CUDA graph without a GPU" in found.notes
    assert found.baseline.graph_us is None
    assert found.baseline.host_us is not None
    assert found.conditions is None
    assert found.elapsed_s > 0


def test_no_time_is_ambiguous_and_still_has_an_interval(timer: Timer) -> None:
    found = timer.compare(BASE, file(1030), limit_s=1e-3, noise_floor=0.01)
    assert found.decision is Decision.AMBIGUOUS
    assert found.pairs == 2 * FEWEST
    assert found.ratio.low < found.ratio.high


def test_the_noise_floor_is_found_once(timer: Timer) -> None:
    noisy = file(1000, noise=0.3)
    first = timer.noise_floor(noisy, limit_s=0.1)
    assert first > 0.02
    assert timer.noise_floor(noisy, limit_s=0.1) == first


def test_noise_as_large_as_the_difference_is_ambiguous(timer: Timer) -> None:
    found = timer.compare(file(1000, noise=0.2), file(1030, noise=0.2), limit_s=0.2, noise_floor=0.06)
    assert found.decision is Decision.AMBIGUOUS, found


def test_screening_tells_what_runs_from_what_does_not(timer: Timer) -> None:
    raises, ends = failing("raise ValueError('boo')"), failing("import os; os._exit(3)")
    nothing = "import torch\n"
    found = timer.screen(BASE, [file(500), raises, nothing, ends, BASE, file(2000)], limit_s=240.0)
    assert [bool(one.error) for one in found] == [False, True, True, True, False, False]
    assert [one.error for one in found[1:4]] == [
        "line 13: ValueError: boo",
        "the file has no class ModelNew",
        "the worker ended itself with exit code 3",
    ]
    ratios = [one.ratio.value for one in found if one.ratio is not None]
    assert ratios == pytest.approx([2.0, 1.0, 0.5], rel=0.03)
    assert found[0].time_us is not None
    assert found[0].time_us.value == pytest.approx(500, rel=0.03)


def test_files_are_compiled_side_by_side_first(timer: Timer, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[object] = []
    channel = timer._channel
    ask = channel.ask

    def asking(job: str, *args: object, **keywords: object) -> object:
        answer = ask(job, *args, **keywords)  # type: ignore[arg-type]
        told.extend([answer] if job == "warm" else [])
        return answer

    monkeypatch.setattr(channel, "ask", asking)
    found = timer.screen(BASE, [file(700), failing("raise ValueError('boo')"), file(800)], limit_s=240.0)
    assert [bool(one.error) for one in found] == [False, True, False]
    (answer,) = told
    assert len(answer["called"]) == 2  # type: ignore[index]


def test_screening_without_time_runs_nothing(timer: Timer) -> None:
    (one,) = timer.screen(BASE, [file(900)], limit_s=0.0)
    assert one.error == "not run: the time for screening was up"


@pytest.mark.parametrize(
    ("baseline", "candidate", "named"),
    [
        pytest.param(BASE, failing("raise ValueError('boo')"), "candidate", id="candidate"),
        pytest.param(failing("raise ValueError('boo')"), BASE, "baseline", id="baseline"),
    ],
)
def test_a_file_that_raises_is_named_with_its_line(timer: Timer, baseline: str, candidate: str, named: str) -> None:
    with pytest.raises(TimingError) as caught:
        timer.compare(baseline, candidate, limit_s=LIMIT_S)
    error = caught.value
    assert (error.file, error.kind, error.line, error.what) == (named, "raised", 13, "ValueError: boo")
    assert str(error) == f"the {named} cannot be timed at line 13: ValueError: boo"


def test_autotuning_is_over_before_the_clock_starts(timer: Timer) -> None:
    found = timer.compare(TUNED, TUNED, limit_s=0.5, noise_floor=0.05)
    assert found.baseline.configurations == found.candidate.configurations
    assert [each.split(",")[0] for each in found.baseline.configurations] == ["copy_kernel: BLOCK: 16"]


def test_autotuning_without_end_is_no_candidate(timer: Timer) -> None:
    restless = TUNED.replace("self.calls += 0", "self.calls += 1")
    (one,) = timer.screen(TUNED, [restless], limit_s=60.0)
    assert one.error == "autotuning goes on after 12 calls of one shape"


TUNED = """import ticks
import torch
import triton
import triton.language as tl


@triton.autotune(configs=[triton.Config({"BLOCK": 16}), triton.Config({"BLOCK": 32})], key=["kind"])
@triton.jit
def copy_kernel(x_ptr, y_ptr, count, kind, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y_ptr + offs, tl.load(x_ptr + offs, mask=offs < count), mask=offs < count)


class ModelNew(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.calls = 0

    def forward(self, x):
        self.calls += 0
        ticks.take(1000)
        out = torch.empty_like(x)
        copy_kernel[lambda meta: (triton.cdiv(24, meta["BLOCK"]),)](x, out, 24, self.calls)
        return out
"""


REFERENCE = """import torch


class Model(torch.nn.Module):
    pass


def get_inputs():
    return [torch.full((4, 6), 7.0)]
"""


def test_a_reference_gives_the_values(timer: Timer) -> None:
    told = Timer(Call(problem=PROBLEM, reference=REFERENCE), device="none", seed=1, worker=timer._channel._worker)
    wants = failing("assert float(x.min()) == 7.0")
    (one,) = told.screen(wants, [wants], limit_s=60.0)
    assert one.error == ""
    broken = REFERENCE.replace("torch.full((4, 6), 7.0)", "torch.full((4, 6))")
    bad = Timer(Call(problem=PROBLEM, reference=broken), device="none", seed=1, worker=timer._channel._worker)
    with pytest.raises(InputError, match=r"the inputs cannot be made at line 9 of the reference: TypeError"):
        bad.screen(wants, [wants], limit_s=60.0)


def test_two_timers_can_share_a_process(timer: Timer) -> None:
    other = Timer(Call(problem=PROBLEM), device="none", seed=1, worker=timer._channel._worker)
    for one in (timer, other, timer):
        found = one.compare(BASE, BASE, limit_s=0.1, noise_floor=0.01)
        assert found.ratio.value == pytest.approx(1.0, rel=0.02)
