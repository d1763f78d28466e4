"""The Triton IR files that tests build."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

_FOLDER = Path(__file__).parent.parent / "data" / "ttir"


@pytest.fixture(scope="session")
def ttir_path() -> Callable[[str], Path]:
    return lambda name: _FOLDER / f"{name}.ttir"


@pytest.fixture(scope="session")
def ttir(ttir_path) -> Callable[[str], str]:
    return lambda name: ttir_path(name).read_text(encoding="utf-8")
