"""What the terminal says of a measured run: never a ratio without its interval, measured and predicted apart."""

from __future__ import annotations

import re
from pathlib import Path

from tilewright.api.options import read_request
from tilewright.records.launch import Capture
from tilewright.records.timing import Comparison, Conditions, Decision, Interval, TimedFile
from tilewright.records.trial import Measured, Run, StageOutcome
from tilewright.report.measured_info import lost_in_measuring, measured_sections, measured_words
from tilewright.report.section import Line, Point, Table

SEED = str(Path(__file__).parents[2] / "examples/seed/prompt.txt")
RATIO = re.compile(r"x\d[\d.]*(?! \[)(?=\s|$|:|;)")


def times(cold: float, graph: float | None = None) -> TimedFile:
    def around(value: float) -> Interval:
        return Interval(value=value, low=value * 0.99, high=value * 1.01)

    return TimedFile(
        sha256="0" * 64,
        cold_us=around(cold),
        warm_us=around(cold * 0.9),
        graph_us=None if graph is None else around(graph),
        host_us=around(20.0),
        configurations=("matmul: BLOCK_M=64",),
    )


COMPARISON = Comparison(
    baseline=times(2611.0, 2600.0),
    candidate=times(930.0),
    decision=Decision.FASTER,
    ratio=Interval(value=2.807, low=2.801, high=2.812),
    warm_ratio=Interval(value=2.9, low=2.8, high=3.0),
    noise_floor=0.01,
    pairs=48,
    device="NVIDIA H200",
    conditions=Conditions(
        sm_mhz=(1200.0, 1980.0, 1980.0),
        memory_mhz=(3201.0, 3201.0, 3201.0),
        power_w=(300.0, 650.0, 700.0),
        temperature_c=(40.0, 55.0, 60.0),
        throttle_reasons=("power limit (software)",),
        samples=12,
    ),
)
OUTCOME = StageOutcome(
    stage="block_tiling", outcome="accepted", reason="because", considered=40, built=12, timed=11, proved=1,
    comparison=COMPARISON,
)  # fmt: skip


def a_run(measured: Measured | None) -> Run:
    request, target = read_request(
        str(Path(__file__).parents[2] / "examples/seed/prompt.txt"),
        gpu="h200",
        metrics=None,
        reference=None,
        inputs=None,
    )

    capture = Capture(launches=(), inputs=(), outputs=(), init_arguments=(), assumptions=(), error="")
    return Run(
        request=request, target=target, stage="all", capture=capture, analyses=(), findings=(), trials=(), winner=None,
        reason="", measured=measured,
    )  # fmt: skip


def test_a_predicted_run_says_nothing_measured() -> None:
    run = a_run(None)
    assert list(measured_sections(run)) == []
    assert measured_words(run) == ""


def test_stages_and_confirmation_are_told() -> None:
    measured = Measured(device="NVIDIA H200", stages=(OUTCOME,), comparison=COMPARISON, input_us=2611.0, floor_us=277.8)
    run = a_run(measured)
    stage, confirmed = measured_sections(run)
    table = next(part for part in stage.parts if isinstance(part, Table))
    assert table.rows == (("block_tiling", "accepted", "40", "12", "11", "1", "x2.807 [2.801, 2.812]"),)
    assert any(isinstance(part, Line) and "278 us at best (predicted)" in part.text for part in stage.parts)
    assert measured_words(run) == "x2.807 [2.801, 2.812] measured on NVIDIA H200"
    times_table = next(part for part in confirmed.parts if isinstance(part, Table))
    assert times_table.columns[1:] == ("input", "output")
    assert times_table.rows[0][1:] == ("2,611 us [2,585, 2,637]", "930.0 us [920.7, 939.3]")
    assert times_table.rows[2][2] == "-"


def test_no_ratio_stands_without_its_interval() -> None:
    measured = Measured(device="NVIDIA H200", stages=(OUTCOME,), comparison=COMPARISON, input_us=2611.0, floor_us=277.8)
    for section in measured_sections(a_run(measured)):
        for part in section.parts:
            for text in (part.text,) if isinstance(part, Line | Point) else ():
                assert not RATIO.search(text), text


def test_a_slower_candidate_is_no_refusal() -> None:
    assert lost_in_measuring(a_run(None)) == ()
