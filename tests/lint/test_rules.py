from __future__ import annotations

import pytest

from tilewright.lint import all_rules
from tilewright.lint.engine import run_rule
from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Rule
from tilewright.lint.tree import apply_edits
from tilewright.records.source import KernelSource

CASES = [
    pytest.param(rule, case, id=f"{rule.code}-{rule.name}/{case.label}")
    for rule in all_rules()
    for case in rule.examples
]


@pytest.mark.parametrize(("rule", "case"), CASES)
def test_example(rule: Rule, case: Good | Bad) -> None:
    file = FileModel(KernelSource(path="example.py", text=case.code, kernels=()), case.launches)
    reports = run_rule(rule, file)
    if isinstance(case, Good):
        assert [report.message for report in reports] == []
        return
    assert len(reports) == 1, [report.message for report in reports]
    (report,) = reports
    assert case.message in report.message
    if case.line is not None:
        assert file.tree.place(report.node)[0] == case.line
    if case.fixed is None:
        assert report.edits == ()
    else:
        fixed = apply_edits(case.code, report.edits)
        assert fixed == case.fixed
        again = FileModel(KernelSource(path="example.py", text=fixed, kernels=()), case.launches)
        assert run_rule(rule, again) == ()


@pytest.mark.parametrize("rule", all_rules(), ids=lambda rule: f"{rule.code}-{rule.name}")
def test_rule_declares_good_and_bad_examples(rule: Rule) -> None:
    labels = [case.label for case in rule.examples]
    assert len(labels) == len(set(labels))
    assert any(isinstance(case, Good) for case in rule.examples)
    assert any(isinstance(case, Bad) for case in rule.examples)
    assert rule.fixable == any(isinstance(case, Bad) and case.fixed is not None for case in rule.examples)
    assert "\n\n" not in (type(rule).__doc__ or "").strip()
