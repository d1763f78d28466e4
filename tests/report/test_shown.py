"""What the object that ``optimize`` returns shows of itself."""

from __future__ import annotations

import html
import json
import subprocess
import sys
from dataclasses import replace

import pytest

from tilewright.records.trial import Run
from tilewright.report import optimized_frame, optimized_html, optimized_markdown, speedup_of
from tilewright.report.json_form import render_json, run_form


def test_a_speedup_is_never_without_interval_and_origin(improved: Run, measured: Run) -> None:
    assert str(speedup_of(measured)) == "x1.00 [0.99, 1.01] measured"
    predicted = speedup_of(improved)
    assert predicted is not None
    assert str(predicted).startswith("x2.00 [")
    assert str(predicted).endswith("] predicted")


def test_an_unchanged_file_has_no_speedup(unchanged: Run, measured: Run) -> None:
    assert speedup_of(unchanged) is None
    assert measured.measured is not None
    assert speedup_of(replace(measured, measured=replace(measured.measured, comparison=None))) is None


@pytest.mark.parametrize("name", ["improved", "unchanged", "failing", "several", "measured"])
def test_every_run_has_a_report(name: str, request: pytest.FixtureRequest) -> None:
    document = json.loads(render_json(run_form(request.getfixturevalue(name))))
    assert "<h1>matmul" in optimized_html(document)
    assert optimized_markdown(document).startswith("## Tilewright: matmul")


def test_a_frame_holds_the_whole_page_and_runs_nothing(improved: Run) -> None:
    document = json.loads(render_json(run_form(improved)))
    frame = optimized_frame(document)
    assert frame.count("<iframe") == 1
    assert 'sandbox="allow-downloads"' in frame
    inner = frame.partition('srcdoc="')[2].rpartition('"></iframe>')[0]
    assert html.unescape(inner) == optimized_html(document)


def test_who_asks_for_no_page_loads_no_jinja() -> None:
    program = "import sys, tilewright.cli.main; print(sorted({'jinja2', 'pygments'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
