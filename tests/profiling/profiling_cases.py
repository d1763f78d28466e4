"""A small file with one kernel, and the call that is made of it."""

from tilewright.records.problem import Problem
from tilewright.records.source import KernelSource, TensorSpec

SOURCE = """import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def add_kernel(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y_ptr + offs, tl.load(x_ptr + offs, mask=offs < n) + 1, mask=offs < n)


class ModelNew(nn.Module):
    def forward(self, x):
        y = torch.empty_like(x)
        add_kernel[(triton.cdiv(x.numel(), 64),)](x, y, x.numel(), BLOCK=64)
        return y
"""
PROBLEM = Problem(inputs=(TensorSpec(name="x", dtype="f32", shape=(100,)),))


def kernel_source(text: str = SOURCE, path: str = "add.py") -> KernelSource:
    return KernelSource(path=path, text=text, kernels=("add_kernel",))
