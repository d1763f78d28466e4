"""Every honest file that needs no GPU is proved, by checks that say something."""

from __future__ import annotations

import corpus
import judging
import pytest

import tilewright

FILES = [pytest.param(entry, id=entry.name) for entry in corpus.honest() if not entry.needs_gpu]


@pytest.mark.parametrize("entry", FILES)
def test_proved(entry: corpus.Entry, verifier: tilewright.Verifier) -> None:
    result = judging.verify(verifier, entry)
    assert judging.complaint(entry, result) == ""
