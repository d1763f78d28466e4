"""Geometric means, the worst case, what misses, and how it is drawn."""

from __future__ import annotations

from typing import Any

import pytest
from contraction_table import geomean, render_markdown, render_text, summary_info


def interval(value: float) -> dict[str, float]:
    return {"value": value, "low": 0.99 * value, "high": 1.01 * value}


def row(case: str, dtype: str, *, torch: float | None, to_input: float = 4.0, error: str = "") -> dict[str, Any]:
    side = {"cold_us": interval(123.0), "host_us": interval(9.0), "error": "", "configurations": []}
    ratios = {} if torch is None else {"torch": interval(torch), "input": interval(to_input)}
    floor = {"time_us": 12.5, "binds": "dram"}
    times = {"input": side, "torch": side} | ({} if torch is None else {"tilewright": side})
    return {
        **{"case": case, "dtype": dtype, "floor": floor, "binds": "latency", "error": error},
        **{"times": times, "ratios": ratios},
    }


ROWS = [
    row("a", "fp32", torch=0.5),
    row("b", "fp32", torch=2.0),
    row("c", "fp16", torch=0.92, to_input=9.0),
    row("d", "fp32", torch=0.92),
    row("e", "bf16", torch=None, error="not optimized: no"),
]
TOLD = {
    "rows": ROWS,
    "summary": summary_info(ROWS),
    **{"not_run": ["f", "g"], "compile_mode": None, "device": "NVIDIA H200", "driver": "580", "precision": "same"},
    "versions": {"torch": "2.11.0", "triton": "3.6.0"},
}


def test_geomean() -> None:
    assert geomean([0.5, 2.0]) == pytest.approx(1.0)
    assert geomean([8.0, 1.0, 1.0]) == pytest.approx(2.0)
    assert geomean([]) is None


def test_means_of_each_type_and_of_all() -> None:
    means = TOLD["summary"]["geomeans"]  # type: ignore[index]
    assert means["fp32"]["torch"] == {"geomean": pytest.approx(0.92 ** (1 / 3)), "cases": 3}
    assert means["fp16"]["input"] == {"geomean": pytest.approx(9.0), "cases": 1}
    assert means["bf16"]["torch"] == {"geomean": None, "cases": 0}
    assert means["all"]["torch"]["cases"] == 4
    assert means["all"]["compile"] == {"geomean": None, "cases": 0}


def test_what_misses_is_told_with_what_binds_it() -> None:
    summary: Any = TOLD["summary"]
    assert summary["worst"] == {"case": "a", "ratio_to_torch": 0.5}
    assert summary["below_least"] == ["a"]
    # 0.92 is enough in TF32
    assert summary["missed"] == [{"case": "a", "binds": "latency"}, {"case": "c", "binds": "latency"}]
    assert summary["without_ratio"] == ["e"]


@pytest.mark.parametrize("render", [render_text, render_markdown])
def test_a_table_says_everything(render: Any) -> None:
    text = render(TOLD)
    for said in (
        "x0.92 [0.91, 0.93]",
        "12.5 (dram)",
        "worst: a x0.500 of torch",
        "below x0.70 of torch: a",
        "e: not optimized: no",
        "not run: f, g",
        "torch.compile was left out",
    ):
        assert said in text
    assert text.count("latency") == 2
    assert ("NVIDIA H200; driver 580; torch 2.11.0, triton 3.6.0" in text) == (render is render_markdown)


def test_nothing_at_all() -> None:
    told = {**TOLD, "rows": [], "summary": summary_info([]), "not_run": []}
    assert "worst" not in render_text(told)
