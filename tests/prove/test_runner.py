"""How a call that raised is put into words."""

from __future__ import annotations

import re

import pytest

from tilewright.prove.runner import _kind, _root

SCRIPTED = "The following operation failed in the TorchScript interpreter.\nTraceback of TorchScript:\n  at f.py:1\n"


@pytest.mark.parametrize(
    ("text", "kind", "words"),
    [
        ("boo\nmore", "raised", "RuntimeError: boo"),
        ("", "raised", "RuntimeError: "),
        (f"{SCRIPTED}RuntimeError: boo", "raised", r"RuntimeError: The .* interpreter\. RuntimeError: boo"),
        (f"{SCRIPTED}RuntimeError: CUDA out of memory. Tried", "out_of_memory", r".* CUDA out of memory\. Tried"),
        ("DefaultCPUAllocator: can't allocate memory: 5", "out_of_memory", "RuntimeError: Default.*"),
    ],
)
def test_the_cause_is_named(text: str, kind: str, words: str) -> None:
    error = RuntimeError(text)
    assert _kind(error, lost=False) == kind
    assert _kind(error, lost=True) == "crashed"
    assert re.fullmatch(words, _root(error))
