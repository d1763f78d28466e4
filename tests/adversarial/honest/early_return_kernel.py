import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def positive_part(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    first = tl.program_id(0) * BLOCK
    # more programs than blocks are launched; the surplus leaves at once
    if first >= n:
        return
    offs = first + tl.arange(0, BLOCK)
    mask = offs < n
    x = tl.load(x_ptr + offs, mask=mask).to(tl.float32)
    y = 0.5 * x * (1.0 + tl.erf(x * 0.7071067811865476))
    tl.store(out_ptr + offs, y.to(out_ptr.dtype.element_ty), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x):
        x = x.contiguous()
        if x.numel() == 0:
            return torch.empty_like(x)
        out = torch.empty_like(x)
        positive_part[(max(8, triton.cdiv(x.numel(), 512)),)](x, out, x.numel(), BLOCK=512)
        return out
