"""One verifier for all files of a process: PyTorch and Triton take seconds to start, and references are shared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import tilewright


@pytest.fixture(scope="session")
def verifier() -> Iterator[tilewright.Verifier]:
    with tilewright.Verifier(allow_unsandboxed=True, workers=1) as made:
        yield made
