from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from tilewright.records.trial import Run
from tilewright.report import render_run_text, render_text, run_info, show_run
from tilewright.report.section import Line, Point, Report, Table

GOLDEN = Path(__file__).parent / "golden" / "improved.txt"


def lines(report: Report, label: str) -> list[str]:
    return [
        part.text
        for section in report.sections
        for part in section.parts
        if isinstance(part, Line) and part.label == label
    ]


def points(report: Report, title: str) -> list[str]:
    return [
        part.text
        for section in report.sections
        if section.title == title
        for part in section.parts
        if isinstance(part, Point)
    ]


def tables(report: Report) -> Iterator[Table]:
    return (part for section in report.sections for part in section.parts if isinstance(part, Table))


def rows(report: Report) -> dict[str, tuple[str, ...]]:
    return {row[0]: row[1:] for table in tables(report) for row in table.rows}


def test_the_text_of_a_run_is_the_golden_one(improved: Run) -> None:
    assert render_text(run_info(improved, machine=False), width=100) == render_run_text(improved)
    assert render_text(run_info(improved, written_to=Path("out.py")), width=100) == GOLDEN.read_text(encoding="utf-8")


def test_sections_come_in_the_order_of_the_questions(improved: Run) -> None:
    titles = [section.title for section in run_info(improved).sections]
    assert titles == ["READ", "FOUND", "FOUND", "CHANGED", "PROVED", "REFUSED"]


def test_the_algorithm_is_an_equation_with_sizes_and_layouts(improved: Run) -> None:
    report = run_info(improved)
    (computes,) = lines(report, "computes")
    assert computes == "c[m, n] = acc + bias[n], acc = sum over k of a[m, k] * b[k, n]"
    assert lines(report, "sizes")[0].startswith("m = 2,048, n = 4,096, k = 8,192")
    assert "a fp32, M-major" in lines(report, "operands")[0]


def test_predictions_stand_beside_measurements(improved: Run) -> None:
    found = rows(run_info(improved))
    assert found["occupancy"][:2] == ("8.33 %", "8.33 %")
    assert found["occupancy"][2].startswith("agree")
    assert found["programs"] == ("2,048", "2,048", "agree")
    assert found["time"][:2] == ("2,000 us [1,600, 2,500]", "2,300 us")
    assert "inside the interval" in found["time"][2]
    assert lines(run_info(improved), "measured") == ["smsp__inst_executed.sum 123,456"]


@pytest.mark.parametrize(("measured", "said"), [(8.9, "agree"), (25.0, "16.7 points apart")])
def test_a_measurement_that_differs_is_said_to(improved: Run, measured: float, said: str) -> None:
    name = "sm__warps_active.avg.pct_of_peak_sustained_active"
    request = replace(improved.request, metrics={"matmul": {name: measured}})
    assert rows(run_info(replace(improved, request=request)))["occupancy"][2].startswith(said)


def test_without_metrics_there_is_no_column_for_them(improved: Run) -> None:
    report = run_info(replace(improved, request=replace(improved.request, metrics={})))
    assert next(tables(report)).columns == ("", "predicted", "")
    assert lines(report, "metrics") == ["none given: nothing is measured"]


def test_shapes_that_were_assumed_are_said_to_be(improved: Run) -> None:
    given = replace(improved.capture, assumptions=())
    assert "(assumed)" in lines(run_info(improved), "shapes")[0]
    assert "assumed)" not in lines(run_info(replace(improved, capture=given)), "shapes")[0].replace("not assumed)", "")


def test_findings_that_say_the_same_share_a_line(improved: Run) -> None:
    (text,) = lines(run_info(improved), "lines 120, 121")
    assert text == "TW602 error: bfloat16 data is narrowed to float16"


def test_every_ratio_has_an_interval(improved: Run, several: Run) -> None:
    for run in (improved, several):
        text = " ".join(render_run_text(run).split())
        ratios = re.findall(r"\bx\d+\.\d\d(.{0,12})", text)
        assert ratios
        assert all(re.match(r" \[\d+\.\d\d, ", rest) for rest in ratios)


def test_a_change_that_the_model_cannot_see_says_so(improved: Run) -> None:
    said = points(run_info(improved), "CHANGED")
    assert said[0].startswith("x1.50 [1.20, 1.88] predicted alone: ")
    assert said[1].startswith("not visible to the model: ")


def test_each_entry_of_the_list_has_its_numbers(improved: Run) -> None:
    table = next(table for table in tables(run_info(improved)) if table.columns[0] == "tile")
    assert table.rows[0] == ("64x64x32", "4", "3", "1,100 [880, 1,375]", "128", "32,768", "1", "l2")
    assert table.rows[1] == ("64x128x16", "4", "3", "1,000 [800, 1,250]", "128 + 8 B spilled", "24,576", "1", "tensor")


def test_the_proof_names_its_tightest_comparison(improved: Run) -> None:
    found = rows(run_info(improved))
    assert found["fp32"][:4] == ("3", "3.00e-04", "4.00e-04", "1.00e-04")
    assert found["bf16"][-1] == "exact comparisons only"
    assert points(run_info(improved), "PROVED") == ["programs ran one after the other: races would not show"]


def test_the_proof_says_where_it_ran(improved: Run, measured: Run) -> None:
    assert lines(run_info(improved), "checked")[0].startswith("4 checks in Triton's interpreter, all hold")
    assert lines(run_info(measured), "checked")[0].startswith("4 checks on NVIDIA H200, all hold")
    (told,) = lines(run_info(measured, machine=False), "checked")
    assert told.startswith("on NVIDIA H200, in fp32")


def test_conclusion_of_an_improved_run(improved: Run) -> None:
    last = run_info(improved, written_to=Path("out.py")).conclusion
    assert last is not None
    assert last.label == "IMPROVED"
    assert last.text.startswith("x2.00 [1.60, 2.50] predicted; proved by 4 checks; written to out.py; 12.3 s")
    assert last.text.endswith("Triton 3.9.0")


def test_an_uncertain_gain_is_said_to_be_one(improved: Run) -> None:
    small = replace(improved.accepted[0], estimate=improved.analyses[0].estimate)
    last = run_info(replace(improved, winner=small, accepted=(small,))).conclusion
    assert last is not None
    assert "the interval includes 1" in last.text


def test_the_whole_call_counts_the_launches_that_stay(several: Run) -> None:
    report = run_info(several)
    # 2000 + 400 + 600 us before, 1000 + 400 + 600 us after.
    assert lines(report, "forward()") == ["all launches together x1.50 [1.33, 1.67] predicted"]
    assert [section.about for section in report.sections if section.title == "CHANGED"] == [
        "matmul, step 1 of 2",
        "matmul, step 2 of 2",
    ]
    assert lines(report, "computes")[1] == "not lifted: it multiplies no matrices"


def test_an_unchanged_run_says_why_and_what_was_refuted(unchanged: Run) -> None:
    report = run_info(unchanged)
    assert report.conclusion is not None
    assert (report.conclusion.label, report.conclusion.text.split(";")[0]) == (
        "UNCHANGED",
        "no candidate could be proved",
    )
    refuted, refused = points(report, "REFUSED")
    assert refuted.endswith("and 1 more: refuted: output differs at [0, 1]")
    assert refused == "matmul: split of K: the grid is large enough"
    assert not [section for section in report.sections if section.title == "CHANGED"]


def test_a_kernel_that_does_not_build_or_fit_is_shown(failing: Run) -> None:
    report = run_info(failing)
    assert lines(report, "build") == ["fails (out_of_resources): asks for 131072 bytes"]
    assert rows(report)["time"][0] == "does not fit an SM"
    assert "inf" not in render_run_text(failing).split()


@pytest.mark.parametrize("width", [72, 80, 100, 120])
def test_every_width_shows_every_word(improved: Run, width: int) -> None:
    report = run_info(improved)
    drawn = render_text(report, width=width)
    assert max(map(len, drawn.splitlines())) <= width
    assert set(drawn.split()) == set(render_text(report, width=200).split())


def test_text_holds_nothing_that_differs_between_machines(improved: Run) -> None:
    winner, verdict = improved.accepted[0], improved.accepted[0].verdict
    assert verdict is not None
    slower = replace(
        verdict,
        checks=verdict.checks[1:],
        elapsed_s=60.0,
        unchecked=("ragged: one run takes 9.3 s in the interpreter", *verdict.unchecked),
    )
    trial = replace(winner, verdict=slower)
    other = replace(improved, elapsed_s=99.0, trials=(trial,), accepted=(trial,), winner=trial)
    assert render_run_text(improved) == render_run_text(other)
    assert render_text(run_info(improved), width=100) != render_text(run_info(other), width=100)


def test_colour_only_where_it_is_asked_for(improved: Run) -> None:
    assert "\x1b" not in render_run_text(improved)
    assert "\x1b[" in render_run_text(improved, color=True)


def test_colour_adds_no_words(improved: Run) -> None:
    plain = re.sub(r"\x1b\[[0-9;]*m", "", render_run_text(improved, color=True))
    assert plain.split() == render_run_text(improved).split()


def test_brackets_in_messages_are_no_markup(improved: Run) -> None:
    run = replace(improved, reason="[bold]A[m, k][/bold]", winner=None, accepted=())
    assert "[bold]A[m, k][/bold]" in render_text(run_info(run), width=100)


@pytest.mark.parametrize("forced", [False, True])
def test_show_run_writes_to_stderr_and_heeds_no_color(
    improved: Run, forced: bool, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")
    if forced:
        monkeypatch.setenv("FORCE_COLOR", "1")
    else:
        monkeypatch.delenv("FORCE_COLOR", raising=False)
    show_run(improved, written_to=None)
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "IMPROVED" in captured.err
    assert "\x1b" not in captured.err
