"""Every honest file that needs no GPU is proved, by checks that say something."""

from __future__ import annotations

import corpus
import judging
import pytest

FILES = [pytest.param(entry, id=entry.name) for entry in corpus.honest() if not entry.needs_gpu]


@pytest.mark.parametrize("entry", FILES)
def test_proved(entry: corpus.Entry) -> None:
    result = judging.verify(entry, device="none")
    assert judging.complaint(entry, result) == ""
