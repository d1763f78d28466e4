"""A dtype is believed where the code speaks of it, not where prose does."""

from __future__ import annotations

import pytest

from tilewright import lint
from tilewright.records.source import KernelSource

TEXT = '''\
import torch
import triton
import triton.language as tl


@triton.jit
def kernel(x_ptr, n):
    """{words}"""
    acc = tl.zeros((16, 16), dtype=tl.float32)
    for k in range(0, n):
        a = tl.load(x_ptr + tl.arange(0, 16)[:, None] * 16 + tl.arange(0, 16)[None, :])
        acc = tl.dot(a, a, acc)
    tl.store(x_ptr + tl.arange(0, 16)[:, None] * 16 + tl.arange(0, 16)[None, :], acc)


class ModelNew(torch.nn.Module):
    def forward(self, x):
        {statement}
        kernel[(1,)](x, 4)
        return x
'''


@pytest.mark.parametrize(
    ("words", "statement", "found"),
    [("Double-buffered: double the speed.", "x = x + 1", False), ("Sums.", "x = x.double()", True)],
)
def test_double_buffering_is_no_float64(words: str, statement: str, found: bool) -> None:
    source = KernelSource(path="k.py", text=TEXT.format(words=words, statement=statement), kernels=("kernel",))
    assert any("float64" in finding.message for finding in lint.check(source)) is found
