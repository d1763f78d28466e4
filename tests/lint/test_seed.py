from __future__ import annotations

from pathlib import Path

import pytest

from tilewright.lint import check, render_text
from tilewright.records.finding import Finding
from tilewright.records.source import KernelSource

SEED = Path(__file__).parents[1] / "data" / "seed_kernel.py"


@pytest.fixture(scope="module")
def findings() -> tuple[Finding, ...]:
    return check(KernelSource(path="seed.py", text=SEED.read_text(), kernels=("matmul_kernel",)))


def of(findings: tuple[Finding, ...], code: str) -> list[Finding]:
    return [item for item in findings if item.code == code]


def line_of(text: str, occurrence: int = 0) -> int:
    lines = [number for number, line in enumerate(SEED.read_text().splitlines(), start=1) if text in line]
    return lines[occurrence]


def test_the_broken_acc_dtype_branch_is_unreachable(findings: tuple[Finding, ...]) -> None:
    (found,) = of(findings, "TW511")
    assert found.line == line_of("acc_dtype") - 1
    assert "unreachable" in found.message


def test_the_acc_dtype_keyword_does_not_exist(findings: tuple[Finding, ...]) -> None:
    (found,) = of(findings, "TW502")
    assert found.line == line_of("acc_dtype")
    assert "acc_dtype" in found.message


def test_the_float16_accumulator_does_not_compile(findings: tuple[Finding, ...]) -> None:
    (found,) = of(findings, "TW509")
    assert found.line == line_of("accumulator += tl.dot(a_fp16, b_fp16)")
    assert "float16" in found.message
    assert "float32" in found.message


def test_bfloat16_goes_through_float16(findings: tuple[Finding, ...]) -> None:
    assert [item.line for item in of(findings, "TW602")] == [line_of("a_fp16 = "), line_of("b_fp16 = ")]


def test_nothing_else_is_wrong_with_it(findings: tuple[Finding, ...]) -> None:
    assert {item.code for item in findings} == {"TW502", "TW509", "TW511", "TW602", "TW605"}, render_text(findings)


def test_lines_count_in_the_document_that_holds_the_text() -> None:
    source = KernelSource(path="prompt.txt", text=SEED.read_text(), kernels=(), first_line=50)
    shifted = check(source, select=("TW511",))
    assert [item.line for item in shifted] == [line_of("acc_dtype") - 1 + 49]
