import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def kernel(x_ptr, abs_ptr, positive_ptr, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    x = tl.load(x_ptr + offs, mask=mask)
    tl.store(abs_ptr + offs, tl.abs(x), mask=mask)
    tl.store(positive_ptr + offs, x > 0, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x):
        x = x.contiguous()
        magnitude = torch.empty_like(x)
        positive = torch.empty_like(x, dtype=torch.bool)
        n = x.numel()
        kernel[(triton.cdiv(n, 1024),)](x, magnitude, positive, n, BLOCK=1024)
        return [magnitude, positive]
