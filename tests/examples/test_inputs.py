"""Eleven real-style inputs through ``optimize``: each ends in a valid, proved file, or as it was with its reason.

The folders of ``examples/`` also hold what became of their input and what was printed beside it; these are compared
with a new run. TILEWRIGHT_UPDATE_GOLDEN=1 writes them again.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

import tilewright
from tilewright import lint, report, source
from tilewright.records.finding import Severity
from tilewright.records.verdict import Status
from tilewright.source import Part

ROOT = Path(__file__).parents[2]
MANIFEST: dict[str, dict[str, Any]] = tomllib.loads((ROOT / "tests/data/inputs/manifest.toml").read_text())
UPDATE = bool(os.environ.get("TILEWRIGHT_UPDATE_GOLDEN"))
WIDTH = 110


def test_manifest_names_every_input() -> None:
    there = {
        *ROOT.glob("examples/*/input.py"),
        *ROOT.glob("tests/data/inputs/*.py"),
        *ROOT.glob("examples/*/prompt.txt"),
    }
    assert {ROOT / entry["path"] for entry in MANIFEST.values()} == there


# Registers, and with them estimates, differ between versions of Triton.
@pytest.mark.one_triton
@pytest.mark.usefixtures("warm")
@pytest.mark.parametrize("name", MANIFEST)
def test_input_ends_in_a_proved_file_or_as_it_was(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    entry = MANIFEST[name]
    monkeypatch.chdir(ROOT)
    result = tilewright.optimize(entry["path"], inputs=entry.get("inputs"), device="none", seed=0)
    run = result.run
    assert result.improved == entry["changed"], run.reason
    check_file(result.source)
    if entry["changed"]:
        assert run.winner is not None
        assert run.winner.verdict is not None
        assert run.winner.verdict.status is Status.PROVED
        before = next(one.estimate for one in run.analyses if one.launch.kernel == run.winner.candidate.kernel)
        assert before is not None
        assert run.winner.estimate is not None
        assert run.winner.estimate.time_us < before.time_us
    else:
        assert result.source == run.request.source.text
        assert re.search(entry["reason"], run.reason), run.reason
    folder = Path(entry["path"]).parent
    if folder.parent == Path("examples"):
        spec = f' --inputs "{entry["inputs"]}"' if "inputs" in entry else ""
        command = f"$ tilewright optimize {entry['path']}{spec} -o {folder / 'output.py'}\n\n"
        compare(folder / "output.py", result.source)
        compare(folder / "explanation.txt", command + report.render_run_text(run, width=WIDTH))


def check_file(text: str) -> None:
    """Valid Python in the contract's order, of which the linter finds nothing that breaks it."""
    compile(text, "output.py", "exec")
    parts = [section.part for section in source.sections(text)]
    assert Part.OTHER not in parts
    assert parts == sorted(parts)
    assert {Part.IMPORT, Part.KERNEL, Part.MODEL} <= set(parts)
    findings = lint.check(source.read_kernel_file("output.py", text))
    assert not [finding for finding in findings if finding.severity is Severity.ERROR]


def compare(path: Path, text: str) -> None:
    if UPDATE:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8"), f"{path} is out of date: make examples"
