"""Write docs/adversarial.md from the manifests: ``python scripts/document_adversarial.py [--check]``."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
TARGET = ROOT / "docs" / "adversarial.md"
_CORPUS = ROOT / "tests" / "adversarial" / "corpus.py"

COMPARISON = ("relative Frobenius error", "largest error / rms", "allclose excess", "equal")
"""Measures of how far an output is from the oracle's."""

INTRODUCTION = """# Files that a proof must refuse, and files that it must accept

Generated from `tests/adversarial/*.toml` by `python scripts/document_adversarial.py`. The tests run `tilewright verify`
on each file: `make test` on all that need no GPU, in Triton's interpreter; `tests/gpu/test_adversarial.py`
on all of them, where there is a GPU.
"""

HOSTILE = """
## Hostile: {count} files

Each plays one trick or has one accident. It counts as refused only if the check that the refusal reports is one of
those named here; “comparison” is any measure of the distance to the oracle. The numbers are those of the list in
[tests/adversarial/README.md](../tests/adversarial/README.md#tricks). {hidden} files hide from lint what another
does in the open, so that running them has to show it. “Undecided” files never answer: they hang, or want all memory.

| File | What it does | Tricks | Refused by | Runs |
|---|---|---|---|---|
"""

HARNESS = """
Parts of tricks that no candidate file can play are answered by how a proof is made:

| Trick | Answer |
|---|---|
"""

HONEST = """
## Honest: {count} files

Each is right by its contract, in a way that a careless check would refuse.

| File | What it shows | Held against | Runs |
|---|---|---|---|
"""


def document() -> str:
    """Return the text of the page."""
    corpus = runpy.run_path(str(_CORPUS))
    hostile, honest, answers = corpus["hostile"](), corpus["honest"](), corpus["harness"]()
    hidden = sum(bool(entry.hidden_of) for entry in hostile)
    return "".join(
        [
            INTRODUCTION,
            HOSTILE.format(count=len(hostile), hidden=hidden),
            *(_row(_file(e), _title(e), _numbers(e), _refusal(e), _where(e)) for e in hostile),
            HARNESS if answers else "",
            *(_row(str(item.trick), item.answer) for item in answers),
            HONEST.format(count=len(honest)),
            *(_row(_file(e), _shows(e), _held_against(e), _where(e)) for e in honest),
        ]
    )


def _row(*cells: str) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |\n"


def _file(entry: Any) -> str:
    return f"[{entry.name}](../tests/adversarial/{entry.kind}/{entry.name}.py)"


def _title(entry: Any) -> str:
    return f"{entry.title} (as `{entry.hidden_of}`)" if entry.hidden_of else str(entry.title)


def _numbers(entry: Any) -> str:
    return "; ".join(filter(None, (", ".join(map(str, entry.tricks)), entry.accident)))


def _refusal(entry: Any) -> str:
    """Names of checks, the measures of one comparison as one."""
    if entry.status == "undecided":
        return "undecided"
    named = ["comparison" if name in COMPARISON else name for name in entry.refused_by]
    on_gpu = [f"{name} (GPU)" for name in entry.refused_by_on_gpu]
    return ", ".join(dict.fromkeys([*named, *on_gpu]))


def _shows(entry: Any) -> str:
    return f"{entry.title}; {entry.note}" if entry.note else str(entry.title)


def _held_against(entry: Any) -> str:
    paths = [path for path in (entry.reference, entry.original) if path]
    return ", ".join(f"[{Path(path).stem}](../tests/adversarial/{path})" for path in paths)


def _where(entry: Any) -> str:
    return "GPU" if entry.needs_gpu else "interpreter, GPU"


def main() -> int:
    """Write the page, or say whether it is current."""
    parser = argparse.ArgumentParser(description="Write docs/adversarial.md from the manifests.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if the page is out of date")
    if parser.parse_args().check:
        current = TARGET.exists() and TARGET.read_text() == document()
        if not current:
            print("docs/adversarial.md is out of date; run: python scripts/document_adversarial.py", file=sys.stderr)
        return 0 if current else 1
    TARGET.write_text(document())
    return 0


if __name__ == "__main__":
    sys.exit(main())
