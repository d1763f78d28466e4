import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def relu_kernel(x_ptr, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    x = tl.load(x_ptr + offs, mask=mask, other=0.0)
    tl.store(x_ptr + offs, tl.where(x < 0, 0.0, x), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x):
        # The contract is relu_: the caller's own memory changes. A view that is not dense goes through a copy.
        dense = x.contiguous()
        n = dense.numel()
        relu_kernel[(triton.cdiv(n, 2048),)](dense, n, BLOCK=2048)
        if dense.data_ptr() != x.data_ptr():
            x.copy_(dense)
        return x
