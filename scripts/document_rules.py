"""Write docs/rules.md from the rules themselves: ``python scripts/document_rules.py``."""

from __future__ import annotations

import inspect
from pathlib import Path

from tilewright.lint import all_rules
from tilewright.lint.rule import HEADER, Bad, Good, Rule

TARGET = Path(__file__).parents[1] / "docs" / "rules.md"

GROUPS = {
    "TW1": "The output contract",
    "TW2": "Grids",
    "TW3": "Autotuning",
    "TW4": "Block sizes and tl.dot",
    "TW5": "Misuse of the API",
    "TW6": "Numerics and offsets",
    "TW7": "What costs speed",
    "TW8": "Tricks",
}

INTRODUCTION = """# Lint rules

Generated from the rules by `python scripts/document_rules.py`; the examples are the rules' own tests.

Suppress a finding with `# tilewright: ignore[TW101]` at the end of its line, or on a line of its own above it;
without a list in brackets the comment suppresses every rule. Choose rules by prefix: `TW3` is every rule on autotuning.
A rule stays silent where the text does not settle the question. What a launch passes is evaluated for inputs of
float32, float16, bfloat16 and float64; the last two count as meant only where the file speaks of them.
In the examples, the four imports of the contract are left out.
"""


def document() -> str:
    """Return the text of the page."""
    parts = [INTRODUCTION]
    for prefix, title in GROUPS.items():
        rules = [rule for rule in all_rules() if rule.code.startswith(prefix)]
        parts.append(f"\n## {prefix}xx: {title}\n\n| Code | Name | Severity | Fix |\n|---|---|---|---|\n")
        parts.extend(
            f"| [{rule.code}](#{_anchor(rule)}) | {rule.name} | {rule.severity} | {'yes' if rule.fixable else ''} |\n"
            for rule in rules
        )
        parts.extend(_section(rule) for rule in rules)
    return "".join(parts)


def _anchor(rule: Rule) -> str:
    return f"{rule.code.lower()}-{rule.name}"


def _section(rule: Rule) -> str:
    good = next(case for case in rule.examples if isinstance(case, Good))
    bad = next(case for case in rule.examples if isinstance(case, Bad))
    why = " ".join(inspect.cleandoc(type(rule).__doc__ or "").split())
    safety = f"\nFix safety: {rule.fix_safety}\n" if rule.fixable else ""
    return (
        f"\n### {rule.code} {rule.name}\n\n{why}\n{safety}"
        f"\nFound ({bad.label}): “…{bad.message}…”\n\n{_fenced(bad.code)}"
        f"\nLeft alone ({good.label}):\n\n{_fenced(good.code)}"
    )


def _fenced(code: str) -> str:
    return f"```python\n{code.removeprefix(HEADER).strip()}\n```\n"


def main() -> None:
    """Write the page."""
    TARGET.write_text(document())


if __name__ == "__main__":
    main()
