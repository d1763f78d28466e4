from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tilewright.records.verdict import Status
from tilewright.records.verification import Verification
from tilewright.report import render_text, render_verification_text, show_verification, verdict_line, verification_info

GOLDEN = Path(__file__).parent / "golden"


@pytest.mark.parametrize("name", ["proved", "refuted"])
def test_the_text_is_the_golden_one(name: str, request: pytest.FixtureRequest) -> None:
    text = render_verification_text(request.getfixturevalue(name))
    assert text == (GOLDEN / f"verification_{name}.txt").read_text(encoding="utf-8")


def test_the_verdict_comes_first(proved: Verification, refuted: Verification) -> None:
    assert render_verification_text(proved).startswith("PROVED  kernel.py against reference.py\n")
    assert render_verification_text(refuted).startswith("REFUTED  kernel.py against reference.py and original.py\n")


def test_what_the_code_was_compiled_for_stands_beside_the_gpu(proved: Verification) -> None:
    on_gpu = replace(proved, device="NVIDIA H200", driver="580.1", architecture="sm_89")
    assert "NVIDIA H200, driver 580.1, compiled for sm_89" in render_verification_text(on_gpu)


def test_the_line_for_programs_is_one_line(proved: Verification, refuted: Verification) -> None:
    assert verdict_line(proved) == "proved"
    broken = replace(refuted, verdict=replace(refuted.verdict, reason="first\n  second"))
    assert verdict_line(broken) == "refuted: first second"


def test_what_is_refuted_by_a_fact_has_no_figures(refuted: Verification) -> None:
    fact = replace(refuted.verdict.checks[0], passed=False, detail="TW802 a result is kept (line 3)")
    verdict = replace(refuted.verdict, checks=(fact,), reason=f"lint: {fact.detail}")
    text = render_verification_text(replace(refuted, verdict=verdict, evidence=fact))
    assert "by      TW802 a result is kept (line 3)" in text
    assert "1 check, 1 fails" in text


def test_nothing_checked_is_no_table(proved: Verification) -> None:
    verdict = replace(proved.verdict, status=Status.UNDECIDED, checks=(), unchecked=(), reason="out of time")
    titles = [section.title for section in verification_info(replace(proved, verdict=verdict)).sections]
    assert titles == ["UNDECIDED", "RAN"]


def test_what_differs_between_machines_can_be_left_out(proved: Verification) -> None:
    other = replace(proved, elapsed_s=99.0, times_s={}, versions={"python": "3.14"})
    assert render_verification_text(proved) == render_verification_text(other)
    assert render_text(verification_info(proved), width=100) != render_text(verification_info(other), width=100)


@pytest.mark.parametrize("width", [72, 100, 120])
def test_every_width_shows_every_word(refuted: Verification, width: int) -> None:
    drawn = render_verification_text(refuted, width=width)
    assert max(map(len, drawn.splitlines())) <= width
    assert set(drawn.split()) == set(render_verification_text(refuted, width=200).split())


def test_show_writes_to_stderr(refuted: Verification, capsys: pytest.CaptureFixture[str]) -> None:
    show_verification(refuted)
    written = capsys.readouterr()
    assert written.out == ""
    assert "REFUTED" in written.err
