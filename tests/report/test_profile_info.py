"""A profile as a report: counters against their targets, weights by time, and what is missing said."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from tilewright.records.profile import Profile
from tilewright.records.trial import Inspection, Run
from tilewright.report import profile_info, render_text, show_profile
from tilewright.report.profile_info import thresholds
from tilewright.stages import get

SM = "sm__throughput.avg.pct_of_peak_sustained_elapsed"
STALLED = "smsp__warp_issue_stalled_long_scoreboard_per_warp_active.pct"


def profile(**changes: object) -> Profile:
    metrics = {
        "matmul": {"gpu__time_duration.sum": 1e6, SM: 37.63, "odd__metric.sum": 7.0},
        "row_sum": {"gpu__time_duration.sum": 3e6, SM: 61.0, STALLED: 35.0},
    }
    return replace(
        Profile(
            metrics=metrics,
            origin="Nsight Compute 2026.1",
            notes=("the profiled process ran confined",),
            times_ns={"matmul": 1e6, "row_sum": 3e6},
            launches={"matmul": 1, "row_sum": 2},
        ),
        **changes,
    )


def measured(several: Run, inspection_of: Callable[[Run], Inspection], found: Profile) -> Inspection:
    one = inspection_of(several)
    return replace(one, request=replace(one.request, metrics=found.metrics))


def test_the_kernel_that_took_longest_is_first(several: Run, inspection_of: Callable[[Run], Inspection]) -> None:
    found = profile()
    report = profile_info(measured(several, inspection_of, found), found)
    assert [section.about.split(",")[0] for section in report.sections][1:4] == ["row_sum", "matmul", "row_max"]
    text = render_text(report, width=110)
    assert "took       3,000 us in 2 launches, 75.00 % of the time of all kernels listed (measured)" in text
    assert "NOTES  on what Nsight Compute 2026.1 says" in text
    assert "- the profiled process ran confined." in text
    assert text.rstrip().endswith("PROFILED  2 kernels by Nsight Compute 2026.1; 4,000 us in all (measured)")


def test_counters_stand_against_their_targets(several: Run, inspection_of: Callable[[Run], Inspection]) -> None:
    found = profile()
    lines = render_text(profile_info(measured(several, inspection_of, found), found), width=120).splitlines()
    rows = [line.split() for line in lines]
    assert [SM, "37.63", "%", ">60", "below"] in rows
    assert [SM, "61", "%", ">60", "met"] in rows
    assert [STALLED, "35", "%", "<20", "above"] in rows
    assert ["odd__metric.sum", "7"] in rows
    meaning = next(index for index, row in enumerate(rows) if row[:1] == [SM])
    assert lines[meaning + 1].strip() == "how busy the busiest part of the SMs is, idle SMs included"


def test_a_stage_brings_its_own_targets() -> None:
    assert set(thresholds(get("grid_and_parallel"))) == {SM}
    assert set(thresholds(None)) >= {SM, STALLED}


def test_without_counters_the_reason_is_the_last_word(
    several: Run, inspection_of: Callable[[Run], Inspection], capsys: pytest.CaptureFixture[str]
) -> None:
    plain = measured(several, inspection_of, profile(metrics={}))
    text = render_text(profile_info(plain, None, why="no ncu; install it"), width=100)
    assert "NO COUNTERS  no ncu; install it; shown are binary facts and predictions only" in text
    assert "counter " not in text
    times = profile(metrics={"matmul": {"gpu__time_duration.sum": 1e6}}, times_ns={"matmul": 1e6})
    show_profile(plain, times, why="no permission", stage=None, written_to=None)
    assert "no permission; shown are times only" in capsys.readouterr().out


def test_where_the_metrics_went_is_said(several: Run, inspection_of: Callable[[Run], Inspection]) -> None:
    found = profile()
    report = profile_info(measured(several, inspection_of, found), found, written_to=Path("m.json"))
    assert report.conclusion is not None
    assert report.conclusion.text.endswith("written to m.json")
