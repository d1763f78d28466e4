import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def clamp(x_ptr, out_ptr, n, stride, BLOCK: tl.constexpr, STEPS: tl.constexpr):
    first = tl.program_id(0) * BLOCK * STEPS
    for step in tl.static_range(STEPS):
        offs = first + step * BLOCK + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + offs * stride, mask=offs < n)
        y = tl.where(x > 1, 1.0, tl.where(x < -1, -1.0, x))
        tl.store(out_ptr + offs, y.to(out_ptr.dtype.element_ty), mask=offs < n)


class ModelNew(nn.Module):
    def forward(self, x):
        out = torch.empty(x.shape, device=x.device, dtype=x.dtype)
        n = x.numel()
        clamp[(triton.cdiv(n, 4 * 128),)](x, out, n, x.stride(0), BLOCK=128, STEPS=4)
        return out
