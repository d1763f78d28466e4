import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def double(x_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offs, mask=offs < n)
    tl.store(out_ptr + offs, x * 2, mask=offs < n)


class ModelNew(nn.Module):
    def forward(self, x):
        # the reference's result lies in memory as x does, and is read the other way round
        x = x if x.t().is_contiguous() else x.contiguous()
        out = torch.empty_like(x)
        n = x.numel()
        double[(triton.cdiv(n, 1024),)](x, out, n, BLOCK=1024)
        return out.t()
