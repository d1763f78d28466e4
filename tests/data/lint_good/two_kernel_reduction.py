import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def _gelu(x):
    return 0.5 * x * (1.0 + tl.erf(x * 0.7071067811865476))


@triton.jit
def partial_sum_kernel(x_ptr, partial_ptr, n, BLOCK: tl.constexpr):
    pid = tl.program_id(0)
    if pid * BLOCK >= n:
        return
    offsets = pid * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets, mask=offsets < n, other=0.0).to(tl.float32)
    tl.store(partial_ptr + pid, tl.sum(_gelu(x)))


@triton.jit
def finish_kernel(partial_ptr, out_ptr, count, BLOCK: tl.constexpr):
    offsets = tl.arange(0, BLOCK)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, count, BLOCK):
        total += tl.load(partial_ptr + start + offsets, mask=start + offsets < count, other=0.0)
    tl.store(out_ptr, tl.sum(total, axis=0))


class _Sum(torch.autograd.Function):
    @staticmethod
    def forward(ctx, x):
        n = x.numel()
        count = triton.cdiv(n, 1024)
        partial = torch.empty(count, device=x.device, dtype=torch.float32)
        out = torch.empty((), device=x.device, dtype=torch.float32)
        partial_sum_kernel[(count,)](x, partial, n, BLOCK=1024)
        finish_kernel[(1,)](partial, out, count, BLOCK=1024)
        return out


def gelu_sum(x):
    x = x.contiguous().view(-1)
    return _Sum.apply(x)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, x):
        return gelu_sum(x)
