import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def sum_kernel(x_ptr, y_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    inner = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * columns + inner, mask=inner < columns, other=0.0).to(tl.float32)
    tl.store(y_ptr + row, tl.load(y_ptr + row) + tl.sum(x, axis=0))


class ModelNew(nn.Module):
    def forward(self, x):
        x = x.contiguous()
        y = torch.zeros(x.shape[0], device=x.device, dtype=torch.float32)
        sum_kernel[(x.shape[0], triton.cdiv(x.shape[1], 16))](x, y, x.shape[1], BLOCK=16)
        return y.to(x.dtype)
