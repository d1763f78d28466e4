import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def double(x_ptr, bias_ptr, out_ptr, cols, stride_r, stride_c, HAS_BIAS: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    c = tl.arange(0, BLOCK)
    mask = c < cols
    y = tl.load(x_ptr + row * stride_r + c * stride_c, mask=mask).to(tl.float32) * 2
    if HAS_BIAS:
        y += tl.load(bias_ptr + c, mask=mask).to(tl.float32)
    tl.store(out_ptr + row * cols + c, y.to(out_ptr.dtype.element_ty), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, n, use_bias):
        super().__init__()
        self.use_bias = use_bias
        self.bias = nn.Parameter(torch.randn(n))

    def forward(self, x):
        rows, cols = x.shape
        out = torch.empty((rows, cols), device=x.device, dtype=x.dtype)
        bias = self.bias if self.use_bias else None
        double[(rows,)](x, bias, out, cols, *x.stride(), HAS_BIAS=bias is not None, BLOCK=triton.next_power_of_2(cols))
        return out
