"""What the README quotes is what the tool prints, and what it links to is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tilewright import lint

ROOT = Path(__file__).parents[2]
GENERATED = ROOT / "docs/rules.md"
"""Holds code whose brackets look like links."""
PAGES = sorted(
    {ROOT / "README.md", ROOT / "CONTRIBUTING.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("*/README.md")} - {GENERATED}
)


def test_the_quoted_run_is_the_seed_s_explanation() -> None:
    readme = (ROOT / "README.md").read_text()
    quoted = next(block for block in re.findall(r"```text\n(.*?)```", readme, re.DOTALL) if "CHANGED" in block)
    printed = (ROOT / "examples/seed/explanation.txt").read_text().splitlines()
    lines = [line for line in quoted.splitlines() if line.strip() not in ("", "…")]
    assert len(lines) > 10
    assert [line for line in lines if line not in printed] == []


def test_the_number_of_rules_is_right() -> None:
    assert f"# {len(lint.all_rules())} rules" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    prose = re.sub(r"^(```+).*?^\1$", "", page.read_text(), flags=re.DOTALL | re.MULTILINE)
    targets = re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", prose)
    assert [target for target in targets if not (page.parent / target).exists()] == []
