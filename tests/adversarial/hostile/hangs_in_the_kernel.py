import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def wait_kernel(x_ptr, y_ptr, flag_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    while tl.atomic_add(flag_ptr, 0) == 0:
        pass
    tl.store(y_ptr + offsets, tl.load(x_ptr + offsets, mask=offsets < n) * 2.0 + 1.0, mask=offsets < n)


class ModelNew(nn.Module):
    def forward(self, x):
        y = torch.empty_like(x)
        flag = torch.zeros(1, dtype=torch.int32, device=x.device)
        wait_kernel[(triton.cdiv(x.numel(), 256),)](x, y, flag, x.numel(), BLOCK=256)
        return y
