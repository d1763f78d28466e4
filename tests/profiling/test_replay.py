"""The profiled call itself, on the CPU: warm first, tuned before it is looked at, and looked at once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import types
from pathlib import Path

import pytest
from profiling_cases import PROBLEM, kernel_source

from tilewright import targets
from tilewright.profiling import Profiler, ProfilerError, attempt, replay
from tilewright.profiling.attempt import confinements
from tilewright.workers import Outcome, best_sandbox
from tilewright.workers.sandbox.plan import Plan

HERE = Path(__file__).parent
FILE = """import torch
import torch.nn as nn
import triton
import triton.language as tl

calls = []


@triton.autotune(configs=[triton.Config({"BLOCK": 32}), triton.Config({"BLOCK": 64})], key=["n"])
@triton.jit
def scale_kernel(x_ptr, y_ptr, n, by, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y_ptr + offs, tl.load(x_ptr + offs, mask=offs < n) * by, mask=offs < n)


class ModelNew(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.weight = nn.Parameter(torch.full(sizes, 2.0))

    def forward(self, x, by):
        y = torch.empty_like(x)
        scale_kernel[lambda meta: (triton.cdiv(x.numel(), meta["BLOCK"]),)](x, y, x.numel(), by)
        print("called with", x.flatten()[0].item(), by, tuple(x.stride()), self.weight[0].item())
        return y
"""
REFERENCE = "import torch\n\n\ndef get_inputs():\n    return [torch.full((3, 4), 5.0), 3]\n"


def run(tmp_path: Path, **changes: object) -> tuple[list[dict[str, object]], list[str], str]:
    """Steps that were reached, what the profiler was told, and what was printed."""
    (tmp_path / "kernel.py").write_text(FILE)
    (tmp_path / "reference.py").write_text(REFERENCE)
    request = {
        "source": str(tmp_path / "kernel.py"),
        "reference": "",
        "progress": str(tmp_path / "progress.json"),
        "plan": Plan(kind="none").to_json(),
        "init": [[2]],
        "seed": 7,
        "inputs": [{"dtype": "f32", "shape": [3, 4], "strides": [1, 3], "offset": 1}, {"value": 3}],
    }
    (tmp_path / "request.json").write_text(json.dumps(request | changes))
    done = subprocess.run(
        [sys.executable, str(HERE / "host_replay.py"), str(tmp_path / "request.json")],
        env={**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", ""), "TRITON_INTERPRET": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    steps = [json.loads(line) for line in (tmp_path / "progress.json").read_text().splitlines()]
    told = (tmp_path / "host.txt").read_text().split()
    assert done.returncode == (0 if steps[-1]["step"] == "done" else 4), done.stderr
    return steps, told, done.stdout


def test_a_call_is_warm_and_tuned_before_it_is_looked_at(tmp_path: Path) -> None:
    steps, told, printed = run(tmp_path)
    assert [step["step"] for step in steps] == ["confined", "ready", "warm", "done"]
    assert told == ["prepare", "wait", "start", "wait", "stop"]
    # configurations differ by where the tuner runs them; one is chosen, and none is timed under the profiler
    assert steps[-1]["tuned_again"] == 0
    assert "BLOCK" in steps[-1]["configurations"]["scale_kernel"]
    lines = [line for line in printed.splitlines() if line.startswith("called with")]
    assert len(lines) == replay.WARM_CALLS + 1
    assert len(set(lines)) == 1
    assert lines[0].endswith("3 (1, 3) 2.0")


def test_a_reference_gives_the_values_where_they_fit(tmp_path: Path) -> None:
    plain = {"dtype": "f32", "shape": [3, 4], "strides": None, "offset": 0}
    reference = str(tmp_path / "reference.py")
    steps, _, printed = run(tmp_path, reference=reference, inputs=[plain, {"value": 9}])
    assert steps[-1]["step"] == "done"
    assert "called with 5.0 3 (4, 1)" in printed


def test_the_profiler_s_own_folder_is_opened_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    own, other = tmp_path / "NVIDIA-treetracker-xD9", tmp_path / "NVIDIA-else"
    own.mkdir()
    other.mkdir()
    said = f"connection-name: {own}/pipe-1\ntree-tracker-id: {own}\nlauncher: {other}/lib.so:/usr/lib/x.so"
    monkeypatch.setenv("NVIDIA-PROCESS-TRACKING-CONFIGURATION", said)
    monkeypatch.setenv("ELSEWHERE", f"{tmp_path}/NVIDIA-treetracker-no/pipe")
    plan = Plan(kind="landlock", sockets="listening", writable=("/w",), sockets_in=("/w",))
    found = replay._with_profilers_own(plan)
    assert found.writable == found.sockets_in == ("/w", str(own))
    assert replay._with_profilers_own(Plan(kind="landlock")) == Plan(kind="landlock")


def test_activity_records_of_every_version_of_torch_are_read() -> None:
    assert replay._device_us(types.SimpleNamespace(self_device_time_total=3)) == 3.0
    assert replay._device_us(types.SimpleNamespace(self_cuda_time_total=4)) == 4.0
    assert replay._device_us(types.SimpleNamespace()) == 0.0


@pytest.mark.skipif(not best_sandbox().confines, reason="nothing confines workers here")
def test_each_way_holds_less_back_than_the_one_before(tmp_path: Path) -> None:
    ways = confinements(allow_unsandboxed=True)
    if len(ways) == 1:
        pytest.skip("no Landlock here")
    assert [way.name for way in ways] == [
        "confined",
        "confined, connections allowed",
        "file rules only",
        "unsandboxed",
    ]
    assert [way.confines for way in ways] == [True, True, True, False]
    files = attempt.Files(tmp_path)
    program = attempt.ncu.Ncu(program=sys.executable, version="1")
    plans = [attempt._plan(way, files, program) for way in ways]
    assert [plan.sockets for plan in plans] == ["listening", "connecting", "connecting", "none"]
    assert [plan.filtered for plan in plans][:3] == [True, True, False]
    assert not any(plan.namespaces for plan in plans)
    assert plans[0].ports[0] == 49152
    assert len(plans[0].ports) == 64


class Told:
    """Answers as a worker would."""

    def __init__(self, folder: Path, outcome: Outcome) -> None:
        self.folder, self.outcome = folder, outcome

    def __call__(self, **_: object) -> Told:
        return self

    def __enter__(self) -> Told:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def call(self, job: str, arguments: object, *, timeout_s: float) -> Outcome:
        assert job == "tilewright.profiling.replay:timed"
        return self.outcome


@pytest.mark.parametrize(
    ("outcome", "found"),
    [
        (Outcome(kind="returned", value={"times": [["add_kernel", 2.0], ["add_kernel", 4.0], ["fill", 1.0]]}), 3000.0),
        (Outcome(kind="returned", value={"times": [["fill", 1.0]]}), "metrics are about 'fill'"),
        (Outcome(kind="returned", value={"times": 3}), "the answer is not usable"),
        (Outcome(kind="raised", error_type="RuntimeError", message="no\ndevice"), "RuntimeError no device"),
    ],
    ids=["times", "other kernels", "not usable", "raised"],
)
def test_times_without_counters(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, outcome: Outcome, found) -> None:
    monkeypatch.setattr("tilewright.profiling.profiler.Worker", Told(tmp_path, outcome))
    one = Profiler(PROBLEM, target=targets.load("h200"), seed=1)
    if isinstance(found, str):
        with pytest.raises(ProfilerError, match=found):
            one.times(kernel_source(), limit_s=1.0)
        return
    profile = one.times(kernel_source(), limit_s=1.0)
    assert profile.metrics == {"add_kernel": {"gpu__time_duration.sum": found}}
    assert (profile.times_ns, profile.launches) == ({"add_kernel": 6000.0}, {"add_kernel": 2})
    assert "times by the driver's activity records: one warm call, no counters" in profile.notes
