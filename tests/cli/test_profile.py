"""``tilewright profile``: metrics read or measured, a table and a diagnosis, and a way on without counters."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tilewright import profiling
from tilewright.api import profiles
from tilewright.records.profile import Profile

H200 = Path(__file__).parents[1] / "data" / "h200_seed_ncu.csv"
SHAPES = "A=f32[8192,2048] B=f32[4096,8192]"


def test_metrics_that_were_measured_are_read_told_and_written_as_json(tilewright, prompt, tmp_path: Path) -> None:
    out = tmp_path / "metrics.json"
    ended = tilewright("profile", prompt, "--gpu", "h200", "--inputs", SHAPES, "--metrics", H200, "-o", out)
    assert (ended.code, ended.err) == (0, "")
    assert "Operand layout: an operand crosses into shared memory 4 bytes at a time" in ended.out
    assert "434,722,015  conflicts" in ended.out
    assert ended.out.rstrip().replace("\n", " ").endswith(f"2,606 us in all (measured); written to {out}")
    written = json.loads(out.read_text())
    assert written["matmul_kernel"]["gpu__time_duration.sum"] == 2_605_504
    again = profiling.read_metrics(str(out), ("matmul_kernel",))
    assert again.metrics == profiling.read_metrics(str(H200), ("matmul_kernel",)).metrics


def test_without_counters_the_rest_is_told_and_no_file_is_made(tilewright, elementwise, tmp_path: Path) -> None:
    out = tmp_path / "metrics.json"
    ended = tilewright("profile", elementwise, "-o", out)
    assert ended.code == 3
    assert "NO COUNTERS  no GPU is visible here" in ended.out
    assert "(predicted)" in ended.out
    assert "registers a thread" in ended.out
    assert not out.exists()


class Fake:
    """A profiler that answers as it is told."""

    unavailable = ""
    made: dict[str, object] = {}

    def __init__(self, problem, reference, **options) -> None:
        Fake.made = {"problem": problem, "reference": reference, **options}

    def profile(self, source, *, metrics, limit_s) -> Profile:
        Fake.made |= {"metrics": metrics, "limit_s": limit_s}
        if self.unavailable:
            raise profiling.ProfilerError(self.unavailable)
        values = dict.fromkeys(metrics, 50.0)
        return Profile(metrics={source.kernels[0]: values}, origin="fake", times_ns={source.kernels[0]: 9e4})

    def times(self, source, *, limit_s) -> Profile:
        return Profile(
            metrics={source.kernels[0]: {"gpu__time_duration.sum": 9e4}},
            origin="activity",
            times_ns={source.kernels[0]: 9e4},
        )


@pytest.fixture
def on_a_gpu(monkeypatch: pytest.MonkeyPatch) -> type[Fake]:
    monkeypatch.setattr(profiles.host, "gpu_is_visible", lambda: True)
    monkeypatch.setattr(profiles, "gpu_name", lambda: "NVIDIA H200")
    monkeypatch.setattr(profiles.profiling, "Profiler", Fake)
    monkeypatch.setattr(Fake, "unavailable", "")
    return Fake


def test_a_stage_s_metrics_are_asked_for_on_this_machine_s_gpu(tilewright, elementwise, on_a_gpu, tmp_path) -> None:
    out = tmp_path / "m.json"
    ended = tilewright("profile", elementwise, "--stage", "memory_access", "-o", out, "--timeout", "7")
    assert ended.code == 0
    assert "GPU      NVIDIA H200" in ended.out
    assert on_a_gpu.made["target"].name == "h200"
    assert on_a_gpu.made["limit_s"] == 7.0
    assert on_a_gpu.made["metrics"] == profiling.metrics_of(
        profiles.stages.get("memory_access"), on_a_gpu.made["target"]
    )
    (values,) = json.loads(out.read_text()).values()
    assert list(values) == list(on_a_gpu.made["metrics"])


def test_times_alone_are_labelled(tilewright, elementwise, on_a_gpu, monkeypatch) -> None:
    monkeypatch.setattr(Fake, "unavailable", "no counters here (ERR_NVGPUCTRPERM); an administrator can")
    ended = tilewright("profile", elementwise)
    assert ended.code == 0
    assert "took       90 us in 1 launch (measured)" in ended.out.replace("90.0", "90")
    assert "an administrator can; shown are times only" in " ".join(ended.out.split())


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--gpu", "rtx4090"], "the GPU of this machine is NVIDIA H200; leave --gpu away, or give --metrics"),
        (["--timeout", "0"], "--timeout 0: no time"),
        (["--stage", "tiling"], "no such stage"),
        (["--keep", "/nowhere/at/all"], "no such folder"),
        (["--metrics", "/nowhere.csv"], "no such file"),
    ],
)
def test_what_cannot_be_used_is_one_line(tilewright, elementwise, on_a_gpu, arguments, words) -> None:
    ended = tilewright("profile", elementwise, *arguments)
    assert (ended.code, ended.out) == (2, "")
    assert words in ended.err
    assert ended.err.count("\n") == 1
