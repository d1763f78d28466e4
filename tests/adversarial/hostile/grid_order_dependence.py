import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def scan_kernel(x_ptr, y_ptr, columns, BLOCK: tl.constexpr):
    row, part = tl.program_id(1), tl.program_id(0)
    inner = part * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * columns + inner, mask=inner < columns, other=0.0).to(tl.float32)
    before = tl.load(y_ptr + row * columns + part * BLOCK - 1, mask=part > 0, other=0.0).to(tl.float32)
    y = tl.cumsum(x, axis=0) + before
    tl.store(y_ptr + row * columns + inner, y.to(y_ptr.dtype.element_ty), mask=inner < columns)


class ModelNew(nn.Module):
    def forward(self, x):
        x = x.contiguous()
        y = torch.empty_like(x)
        scan_kernel[(triton.cdiv(x.shape[1], 16), x.shape[0])](x, y, x.shape[1], BLOCK=16)
        return y
