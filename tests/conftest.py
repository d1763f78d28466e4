"""What every test stands on."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session", autouse=True)
def _store_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Commands that a test runs, in this process or another, keep their runs away from the user's own."""
    path = tmp_path_factory.mktemp("store") / "runs.sqlite"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TILEWRIGHT_STORE", str(path))
        yield path
