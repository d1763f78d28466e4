import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def times_kernel(x_ptr, y_ptr, factor, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(y_ptr + offsets, tl.load(x_ptr + offsets, mask=mask) * factor, mask=mask)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.count = 0

    def forward(self, x):
        x = x.contiguous()
        y = torch.empty_like(x)
        self.count += 1
        times_kernel[(triton.cdiv(x.numel(), 256),)](x, y, float(self.count), x.numel(), BLOCK=256)
        return y
