"""What tests of emitted files share: a process that interprets them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from emit_cases import Interpreter


@pytest.fixture(scope="session")
def interpret() -> Iterator[Interpreter]:
    """Run emitted files, each with code that asserts."""
    made = Interpreter()
    yield made
    made.close()
