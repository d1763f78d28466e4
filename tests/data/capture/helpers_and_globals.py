import torch
import torch.nn as nn
import triton
import triton.language as tl

LIMIT: tl.constexpr = tl.constexpr(6.0)
BLOCK_OF_ROW = tl.constexpr(128)


@triton.jit
def clamp(x):
    return tl.minimum(tl.maximum(x, 0.0), LIMIT)


@triton.jit
def row_kernel(x_ptr, bias_ptr, out_ptr, cols, row_stride, HAS_BIAS: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK_OF_ROW)
    x = tl.load(x_ptr + row * row_stride + offsets, mask=offsets < cols)
    if HAS_BIAS:
        x += tl.load(bias_ptr + offsets, mask=offsets < cols)
    tl.store(out_ptr + row * cols + offsets, clamp(x), mask=offsets < cols)


class ModelNew(nn.Module):
    def __init__(self, features, bias=True):
        super().__init__()
        self.bias = nn.Parameter(torch.zeros(features)) if bias else None

    def forward(self, x):
        rows, cols = x.shape
        out = torch.empty(rows, cols, device=x.device, dtype=x.dtype)
        row_kernel[(rows,)](x, self.bias, out, cols, x.stride(0), HAS_BIAS=self.bias is not None)
        half = x[:, : cols // 2]
        row_kernel[(rows, 2)](half, None, out, half.shape[1], half.stride(0), HAS_BIAS=False)
        return out
