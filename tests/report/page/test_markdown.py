"""The report for a pull request."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tilewright.report.markdown import LONGEST, escape, render_markdown
from tilewright.report.page import page_info

Document = dict[str, Any]


def test_it_begins_with_the_verdict(measured: Document, predicted: Document) -> None:
    first = render_markdown(page_info(measured)).splitlines()
    assert first[0] == "## Tilewright: matmul_kernel"
    assert first[2].startswith("**IMPROVED x3.02 \\[3.01, 3.03\\] (measured)**.")
    assert "(predicted)**" in render_markdown(page_info(predicted)).splitlines()[2]


def test_folds_and_fences_are_closed(document: Document) -> None:
    text = render_markdown(page_info(document))
    assert text.count("<details>") == text.count("</details>")
    assert len(re.findall(r"^```", text, re.MULTILINE)) % 2 == 0
    assert len(text) < LONGEST


def test_tables_have_as_many_cells_in_every_row(document: Document) -> None:
    text = re.sub(r"```diff.*?^```$", "", render_markdown(page_info(document)), flags=re.DOTALL | re.MULTILINE)
    width = 0
    for line in text.splitlines():
        cells = len(re.findall(r"(?<!\\)\|", line)) if line.startswith("|") else 0
        assert not (width and cells) or width == cells, line
        width = cells


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("@triton.jit and #12", "&#64;triton.jit and &#35;12"),
        ("a | b\nc", "a \\| b c"),
        ("<b> & `x` *y* [z](u)", "\\<b\\> &amp; \\`x\\` \\*y\\* \\[z\\](u)"),
        ("__init__ of block_m", "\\_\\_init\\_\\_ of block_m"),
        ("https://a.b", "https&#58;//a.b"),
    ],
)
def test_escape(text: str, written: str) -> None:
    assert escape(text) == written


def test_a_fence_in_the_code_does_not_end_the_block(predicted: Document) -> None:
    predicted["texts"]["output"] = '"""\n```\n# @everyone\n````\n"""\n' + predicted["texts"]["output"]
    text = render_markdown(page_info(predicted))
    assert "`````diff" in text
    assert text.count("`````") == 2


def test_what_is_too_long_for_a_comment_loses_its_code_first(predicted: Document) -> None:
    predicted["texts"]["output"] = "".join(f"x{index} = {index}\n" for index in range(3_900))
    text = render_markdown(page_info(predicted))
    assert len(text) <= LONGEST
    assert "too long for a comment" in text
    assert text.count("<details>") == text.count("</details>")
    assert "Proof and certificate" in text
