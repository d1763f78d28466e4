from __future__ import annotations

import runpy
from pathlib import Path

from tilewright.targets import names

ROOT = Path(__file__).parents[2]


def test_the_page_of_gpus_is_up_to_date() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "document_gpus.py"))
    page = (ROOT / "docs" / "gpus.md").read_text(encoding="utf-8")
    assert page == script["document"](), "run: python scripts/document_gpus.py"
    for name in names():
        assert f"`{name}`" in page
