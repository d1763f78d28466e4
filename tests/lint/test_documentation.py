from __future__ import annotations

import runpy
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_the_page_of_rules_is_up_to_date() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "document_rules.py"))
    assert (ROOT / "docs" / "rules.md").read_text() == script["document"](), "run: python scripts/document_rules.py"


def test_every_rule_is_in_a_group() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "document_rules.py"))
    text = script["document"]()
    for rule in script["all_rules"]():
        assert f"### {rule.code} {rule.name}" in text
