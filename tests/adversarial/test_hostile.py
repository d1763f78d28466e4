"""Every hostile file that needs no GPU is refused, by a check that its trick fails."""

from __future__ import annotations

import corpus
import judging
import pytest

import tilewright

# files with one reference go to one process, which runs that reference once
FILES = [
    pytest.param(entry, id=entry.name, marks=pytest.mark.xdist_group(entry.reference))
    for entry in corpus.hostile()
    if not entry.needs_gpu
]


@pytest.mark.parametrize("entry", FILES)
def test_refused_for_the_right_reason(entry: corpus.Entry, verifier: tilewright.Verifier) -> None:
    result = judging.verify(verifier, entry)
    assert judging.complaint(entry, result) == ""
