import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def histogram(x_ptr, counts_ptr, n, stride, CLASSES: tl.constexpr, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    value = tl.load(x_ptr + offs * stride, mask=mask, other=0)
    # Python's remainder, of negative numbers as well
    value = (value % CLASSES + CLASSES) % CLASSES
    tl.atomic_add(counts_ptr + value, 1, mask=mask, sem="relaxed")


class ModelNew(nn.Module):
    def forward(self, x):
        counts = torch.zeros(16, dtype=torch.int32, device=x.device)
        histogram[(triton.cdiv(x.numel(), 512),)](x, counts, x.numel(), x.stride(0), CLASSES=16, BLOCK=512)
        return counts
