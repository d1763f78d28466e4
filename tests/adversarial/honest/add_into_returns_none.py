import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def accumulate(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    x = tl.load(x_ptr + offs, mask=mask, other=0.0)
    y = tl.load(y_ptr + offs, mask=mask, other=0.0)
    tl.store(y_ptr + offs, x + y, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x, y):
        # the result is what y holds afterwards; nothing is returned
        dense = y.contiguous()
        accumulate[(triton.cdiv(dense.numel(), 1024),)](x.contiguous(), dense, dense.numel(), BLOCK=1024)
        if dense.data_ptr() != y.data_ptr():
            y.copy_(dense)
