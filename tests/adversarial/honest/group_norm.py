import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def group_norm(x_ptr, w_ptr, b_ptr, out_ptr, length, groups, eps, PER_GROUP: tl.constexpr, BLOCK: tl.constexpr):
    pid = tl.program_id(0)
    channel = (pid % groups) * PER_GROUP
    size = PER_GROUP * length
    base = pid.to(tl.int64) * size
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, size, BLOCK):
        offs = start + tl.arange(0, BLOCK)
        total += tl.load(x_ptr + base + offs, mask=offs < size, other=0.0).to(tl.float32)
    mean = tl.sum(total, axis=0) / size
    squares = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, size, BLOCK):
        offs = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + base + offs, mask=offs < size, other=0.0).to(tl.float32)
        centred = tl.where(offs < size, x - mean, 0.0)
        squares += centred * centred
    scale = 1.0 / tl.sqrt(tl.sum(squares, axis=0) / size + eps)
    for start in range(0, size, BLOCK):
        offs = start + tl.arange(0, BLOCK)
        mask = offs < size
        c = channel + offs // length
        x = tl.load(x_ptr + base + offs, mask=mask).to(tl.float32)
        w = tl.load(w_ptr + c, mask=mask).to(tl.float32)
        b = tl.load(b_ptr + c, mask=mask).to(tl.float32)
        tl.store(out_ptr + base + offs, ((x - mean) * scale * w + b).to(out_ptr.dtype.element_ty), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, groups, channels):
        super().__init__()
        self.norm = nn.GroupNorm(groups, channels)

    def forward(self, x):
        batch, channels, length = x.shape
        x = x.contiguous()
        out = torch.empty_like(x)
        groups = self.norm.num_groups
        group_norm[(batch * groups,)](
            x, self.norm.weight, self.norm.bias, out, length, groups, self.norm.eps,
            PER_GROUP=channels // groups, BLOCK=128,
        )
        return out
