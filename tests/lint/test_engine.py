from __future__ import annotations

import pytest

from tilewright.errors import SourceError
from tilewright.lint import check, chosen_rules, fix
from tilewright.records.source import KernelSource

TWO_FAULTS = """import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def kernel(x_ptr, n, BLOCK: tl.constexpr):
    x = tl.load(x_ptr + tl.program_id(0) * BLOCK)
    y = tl.dot(x, x, acc_dtype=tl.float32)


def run(x):
    n = x.numel()
    kernel[(n / math.sqrt(4),)](x, n, BLOCK=16)


class ModelNew(nn.Module):
    def forward(self, x):
        return run(x)
"""


def source(text: str, **more: int) -> KernelSource:
    return KernelSource(path="file.py", text=text, kernels=(), **more)


def codes(text: str) -> list[str]:
    return [item.code for item in check(source(text))]


def test_findings_are_sorted_by_position() -> None:
    assert codes(TWO_FAULTS) == ["TW502", "TW204", "TW508"]


def test_fix_settles_and_leaves_nothing_fixable() -> None:
    text, applied = fix(TWO_FAULTS)
    assert sorted(item.code for item in applied) == ["TW204", "TW502", "TW508"]
    assert "tl.dot(x, x, out_dtype=tl.float32)" in text
    assert "triton.cdiv(n, math.sqrt(4))" in text
    assert text.startswith("import math\n")
    assert codes(text) == []
    assert fix(text) == (text, ())


def test_a_fix_keeps_everything_else_to_the_letter() -> None:
    commented = TWO_FAULTS.replace("    n = x.numel()", "    n  =  x.numel()   # odd   spacing")
    text, _ = fix(commented, select=("TW502",))
    assert text == commented.replace("acc_dtype", "out_dtype")


@pytest.mark.parametrize(
    ("comment", "left"),
    [
        ("# tilewright: ignore[TW502]", []),
        ("# tilewright: ignore[TW101, TW502]", []),
        ("# tilewright: ignore", []),
        ("# tilewright: ignore[TW101]", ["TW502"]),
        ("# ignore[TW502]", ["TW502"]),
    ],
)
def test_suppression(comment: str, left: list[str]) -> None:
    statement = "    y = tl.dot(x, x, acc_dtype=tl.float32)"
    at_end = TWO_FAULTS.replace(statement, f"{statement}  {comment}")
    above = TWO_FAULTS.replace(statement, f"    {comment}\n{statement}")
    for text in (at_end, above):
        assert [item.code for item in check(source(text), select=("TW5",), ignore=("TW508",))] == left


def test_a_suppressed_finding_is_not_fixed() -> None:
    statement = "    y = tl.dot(x, x, acc_dtype=tl.float32)"
    text = TWO_FAULTS.replace(statement, f"{statement}  # tilewright: ignore[TW502]")
    assert "acc_dtype" in fix(text)[0]


def test_select_and_ignore_work_by_prefix() -> None:
    assert {rule.code[:3] for rule in chosen_rules(("TW3", "TW4"))} == {"TW3", "TW4"}
    assert "TW301" not in {rule.code for rule in chosen_rules(("TW3",), ("TW301",))}
    assert len(chosen_rules()) >= 25


def test_lines_count_from_the_first_line_of_the_text() -> None:
    plain = check(source(TWO_FAULTS))
    shifted = check(source(TWO_FAULTS, first_line=101))
    assert [item.line + 100 for item in plain] == [item.line for item in shifted]


def test_a_syntax_error_names_the_line_in_the_document() -> None:
    with pytest.raises(SourceError) as caught:
        check(source("x = 1\ny = (\n", first_line=10))
    assert caught.value.path == "file.py"
    assert caught.value.line is not None
    assert 11 <= caught.value.line <= 12
    assert "syntax error" in str(caught.value)


def test_an_empty_file_lacks_everything() -> None:
    assert set(codes("")) == {"TW103", "TW105", "TW108"}
