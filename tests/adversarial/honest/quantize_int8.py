import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def quantize(x_ptr, out_ptr, cols, stride_r, stride_c, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    c = tl.arange(0, BLOCK)
    mask = c < cols
    x = tl.load(x_ptr + row * stride_r + c * stride_c, mask=mask, other=0.0).to(tl.float32)
    x = tl.where(tl.abs(x) < float("inf"), x, 0.0)
    scale = tl.maximum(tl.max(tl.abs(x), axis=0), 1e-12) / 128.0
    steps = tl.floor(tl.math.div_rn(x, scale + tl.zeros((BLOCK,), dtype=tl.float32)))
    steps = tl.minimum(tl.maximum(steps, -127.0), 127.0)
    tl.store(out_ptr + row * cols + c, steps.to(tl.int8), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x):
        rows, cols = x.shape
        out = torch.empty((rows, cols), device=x.device, dtype=torch.int8)
        quantize[(rows,)](x, out, cols, *x.stride(), BLOCK=triton.next_power_of_2(cols))
        return out
