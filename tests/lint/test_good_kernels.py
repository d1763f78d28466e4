from __future__ import annotations

from pathlib import Path

import pytest

from tilewright.lint import check, render_text
from tilewright.records.source import KernelSource

FILES = sorted((Path(__file__).parents[1] / "data" / "lint_good").glob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.stem)
def test_nothing_is_found_in_a_good_file(path: Path) -> None:
    findings = check(KernelSource(path=path.name, text=path.read_text(), kernels=()))
    assert findings == (), render_text(findings)


def test_there_are_good_files() -> None:
    assert len(FILES) >= 9
