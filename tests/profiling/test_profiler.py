"""The run of Nsight Compute, with a stand-in for it: what it is asked, and every way in which it can end."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import re
from pathlib import Path

import pytest
from profiling_cases import PROBLEM, SOURCE, kernel_source

from tilewright import targets
from tilewright.errors import InputError
from tilewright.profiling import Profiler, ProfilerError, ncu
from tilewright.workers import best_sandbox

SM = "sm__throughput.avg.pct_of_peak_sustained_elapsed"
LIMIT_S = 60.0
confined = pytest.mark.skipif(not best_sandbox().confines, reason="nothing confines workers here")


@confined
def test_a_file_is_profiled_once_it_is_warm(profiler, tmp_path: Path) -> None:
    one = profiler("real", keep=tmp_path)
    assert one.unavailable == ""
    found = one.profile(kernel_source(), metrics=[SM, "launch__grid_size"], limit_s=LIMIT_S)
    assert found.metrics == {"add_kernel": {"gpu__time_duration.sum": 1500.0, SM: 12.5, "launch__grid_size": 2.0}}
    assert (found.times_ns, found.launches) == ({"add_kernel": 3000.0}, {"add_kernel": 2})
    assert found.origin == "Nsight Compute 2026.1.0.0"
    said = "\n".join(found.notes)
    assert "1 launches of 1 other kernels are passed over, which took 1.5 us together (measured)" in said
    assert "the profiled process ran confined (" in said
    assert "no connections but those that the profiler makes to it" in said
    (kept,) = tmp_path.glob("*.ncu-rep")
    line = json.loads(kept.read_text())["arguments"]
    told = dict(itertools.pairwise(line))
    assert told["--profile-from-start"] == "off"
    assert told["--metrics"] == f"gpu__time_duration.sum,{SM},launch__grid_size"
    assert (told["--clock-control"], told["--cache-control"]) == ("none", "all")


def test_a_file_that_fails_is_the_file_s_fault(profiler) -> None:
    one = profiler("real", allow_unsandboxed=True)
    text = SOURCE.replace("y = torch.empty_like(x)", "raise ValueError('no')")
    with pytest.raises(ProfilerError, match=r"add\.py:15: the profiled call raises ValueError: no; run it by itself"):
        one.profile(kernel_source(text), metrics=[SM], limit_s=LIMIT_S)
    assert one.unavailable == ""


def test_names_that_the_profiler_does_not_list_are_left_out_before_the_run(profiler) -> None:
    one = profiler(allow_unsandboxed=True)
    asked = [
        SM,
        "l1tex__made_up.sum",
        "lts__t_sector_hit_rate.pct",
        "smsp__warp_issue_stalled_memory_dependency_per_warp_active.pct",
    ]
    found = one.profile(kernel_source(), metrics=asked, limit_s=LIMIT_S)
    stalled = "smsp__warp_issue_stalled_long_scoreboard_per_warp_active.pct"
    assert set(found.metrics["add_kernel"]) == {"gpu__time_duration.sum", SM, "lts__t_sector_hit_rate.pct", stalled}
    said = "\n".join(found.notes)
    assert "l1tex__made_up.sum is not known to Nsight Compute 2026.1.0.0 on this GPU" in said
    assert "exists on no chip that was checked; smsp__warp_issue_stalled_long_scoreboard" in said


def test_a_list_that_cannot_be_had_leaves_nothing_out(profiler) -> None:
    one = profiler("lists nothing", allow_unsandboxed=True)
    found = one.profile(kernel_source(), metrics=["lts__t_sector_hit_rate.pct"], limit_s=LIMIT_S)
    assert set(found.metrics["add_kernel"]) == {"gpu__time_duration.sum", "lts__t_sector_hit_rate.pct"}


def test_a_name_that_the_profiler_stops_at_is_dropped(profiler) -> None:
    one = profiler("unknown metric", allow_unsandboxed=True)
    found = one.profile(kernel_source(), metrics=[SM, "launch__grid_size"], limit_s=LIMIT_S)
    assert set(found.metrics["add_kernel"]) == {"gpu__time_duration.sum", "launch__grid_size"}
    assert f"{SM} could not be collected and is left out" in found.notes


@confined
def test_a_looser_way_is_tried_and_kept_and_told(profiler) -> None:
    one = profiler("strict ways fail")
    found = one.profile(kernel_source(), metrics=[SM], limit_s=LIMIT_S)
    said = "\n".join(found.notes)
    assert "the profiled process ran file rules only" in said
    assert "not confined: ended early with exit code 5" in said
    again = one.profile(kernel_source(), metrics=[SM], limit_s=LIMIT_S)
    assert not any(note.startswith("not confined") for note in again.notes)


@confined
@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("no permission", "ERR_NVGPUCTRPERM.*NVreg_RestrictProfilingToAdminUsers=0.*--cap-add=SYS_ADMIN"),
        ("lock", "does not work here: .*lock file cannot be opened; set TMPDIR"),
        ("garbage", "does not work here: .*exit code 7"),
        ("no report", "does not work here: .*saw no kernel"),
        ("device fails", "does not work here: .*the GPU does not start: RuntimeError: no CUDA device"),
        ("lies", "does not work here: .*ended early"),
    ],
)
def test_what_does_not_work_here_is_asked_once(profiler, mode: str, words: str) -> None:
    one = profiler(mode)
    with pytest.raises(ProfilerError):
        one.profile(kernel_source(), metrics=[SM], limit_s=LIMIT_S)
    assert re.search(words, one.unavailable)
    assert "\n" not in one.unavailable
    with pytest.raises(ProfilerError, match=re.escape(one.unavailable)):
        one.profile(kernel_source(), metrics=[SM], limit_s=LIMIT_S)


def test_a_crash_may_be_the_file_s_and_is_no_verdict_on_the_machine(profiler, fake_ncu) -> None:
    one = profiler("crashes", allow_unsandboxed=True)
    with pytest.raises(ProfilerError, match=r"could not be profiled: .*ended early with exit code"):
        one.profile(kernel_source(), metrics=[SM], limit_s=LIMIT_S)
    assert one.unavailable == ""
    fake_ncu("works")
    assert one.profile(kernel_source(), metrics=[SM], limit_s=LIMIT_S).metrics
    fake_ncu("crashes")
    with pytest.raises(ProfilerError, match=r"add\.py: the profiled call ended early with exit code"):
        one.profile(kernel_source(), metrics=[SM], limit_s=LIMIT_S)


def test_a_report_that_cannot_be_read_back(profiler) -> None:
    one = profiler("bad report", allow_unsandboxed=True)
    with pytest.raises(ProfilerError, match=r"add.py: the profiler's report: no header"):
        one.profile(kernel_source(), metrics=[SM], limit_s=LIMIT_S)


@pytest.mark.parametrize("mode", ["call hangs", "hangs"])
def test_a_hang_is_ended_with_all_that_it_started(profiler, mode: str) -> None:
    one = profiler(mode, allow_unsandboxed=True)
    with pytest.raises(ProfilerError, match="took more than 2 s"):
        one.profile(kernel_source(), metrics=[SM], limit_s=2.0)
    assert one.unavailable == ""
    assert not _running(f"test{os.getpid()}")


def _running(word: str) -> list[str]:
    found = []
    for entry in Path("/proc").glob("[0-9]*/environ"):
        with contextlib.suppress(OSError):
            text = entry.read_bytes().replace(b"\0", b" ").decode(errors="replace")
            if f"CUDA_VISIBLE_DEVICES={word}" in text and "tilewright-ncu-" in text:
                found.append(text)
    return found


def test_without_ncu_the_way_to_get_it_is_said(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setenv(ncu.VARIABLE, str(tmp_path / "ncu"))
    one = Profiler(PROBLEM, target=targets.load("h200"), seed=1)
    assert "Nsight Compute is not installed" in one.unavailable
    with pytest.raises(InputError, match="install it"):
        one.profile(kernel_source(), metrics=[SM], limit_s=1.0)


@pytest.mark.parametrize(
    ("settings", "privileged", "refused"),
    [("RmProfilingAdminOnly: 1\n", False, True), ("RmProfilingAdminOnly: 1\n", True, False), ("A: 0\n", False, False),
     ("RmProfilingAdminOnly: 0\n", False, False)],
)  # fmt: skip
def test_the_driver_s_settings_are_looked_at_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, settings: str, privileged: bool, refused: bool
) -> None:
    params = tmp_path / "params"
    params.write_text(settings)
    monkeypatch.setattr(ncu, "_DRIVER_SETTINGS", params)
    monkeypatch.setattr(ncu, "_privileged", lambda: privileged)
    assert bool(ncu.no_permission()) == refused
    assert ncu.kept_capabilities() == (() if "Only: 0" in settings else (21, 38))


def test_no_sandbox_needs_consent(fake_ncu, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TILEWRIGHT_SANDBOX", "none")
    target = targets.load("h200")
    assert "--allow-unsandboxed" in Profiler(PROBLEM, target=target, seed=1).unavailable
    assert Profiler(PROBLEM, target=target, seed=1, allow_unsandboxed=True).unavailable == ""
