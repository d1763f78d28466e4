"""A kernel that scales rows by a parameter, and its reference, for commands that take both."""

from __future__ import annotations

REFERENCE = """import torch


class Model(torch.nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.rand(width))

    def forward(self, x):
        return x * self.weight


def get_inputs():
    return [torch.rand(24, 20)]


def get_init_inputs():
    return [20]
"""
KERNEL = """import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def scale_kernel(x_ptr, w_ptr, y_ptr, width, BLOCK: tl.constexpr):
    offs = tl.arange(0, BLOCK)
    mask = offs < width
    row = tl.program_id(0) * width
    x = tl.load(x_ptr + row + offs, mask=mask, other=0.0)
    w = tl.load(w_ptr + offs, mask=mask, other=0.0)
    tl.store(y_ptr + row + offs, x * w, mask=mask)


class ModelNew(nn.Module):
    def __init__(self, width):
        super().__init__()
        self.weight = nn.Parameter(torch.rand(width))

    def forward(self, x):
        x = x.contiguous()
        out = torch.empty_like(x)
        scale_kernel[(x.shape[0],)](x, self.weight, out, x.shape[1], BLOCK=triton.next_power_of_2(x.shape[1]))
        return out
"""
