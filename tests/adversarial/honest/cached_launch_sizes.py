import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def add(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    total = tl.load(x_ptr + offs, mask=mask) + tl.load(y_ptr + offs, mask=mask)
    tl.store(out_ptr + offs, total, mask=mask)


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.launches = {}

    def forward(self, x, y):
        # the grid depends on the shape alone, so it may be kept by shape; no value is
        key = tuple(x.shape)
        if key not in self.launches:
            n = x.numel()
            block = min(4096, triton.next_power_of_2(n))
            self.launches[key] = ((triton.cdiv(n, block),), n, block)
        grid, n, block = self.launches[key]
        x, y = x.contiguous(), y.contiguous()
        out = torch.empty_like(x)
        add[grid](x, y, out, n, BLOCK=block)
        return out
