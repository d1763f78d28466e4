from __future__ import annotations

import json

from tilewright.lint import render_github, render_json, render_text
from tilewright.records.finding import Finding, Severity

FINDING = Finding(
    path="a,b.py",
    line=3,
    column=5,
    code="TW101",
    rule="output-order",
    message="50% of\nit",
    severity=Severity.WARNING,
    fixable=True,
)


def test_text_counts_and_marks_what_can_be_fixed() -> None:
    text = render_text([FINDING])
    assert text.startswith("a,b.py:3:5: TW101 warning: 50% of\nit [output-order] (fixable)\n")
    assert text.endswith("1 finding, 1 fixable\n")
    assert render_text([]) == "no findings\n"


def test_json_holds_every_field() -> None:
    (item,) = json.loads(render_json([FINDING]))
    assert item == {
        "path": "a,b.py",
        "line": 3,
        "column": 5,
        "code": "TW101",
        "rule": "output-order",
        "message": "50% of\nit",
        "severity": "warning",
        "fixable": True,
    }
    assert json.loads(render_json([])) == []


def test_github_escapes_what_would_end_the_command() -> None:
    text = render_github([FINDING])
    assert text == "::warning file=a%2Cb.py,line=3,col=5,title=TW101 output-order::50%25 of%0Ait\n"
    assert render_github([]) == ""
