import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def gate_kernel(x_ptr, y_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    inner = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * columns + inner, mask=inner < columns // 2, other=0.0).to(tl.float32)
    mean = tl.sum(x, axis=0) / (columns // 2)
    tl.store(y_ptr + row, (1.0 / (1.0 + tl.exp(-mean * 1e-3))).to(y_ptr.dtype.element_ty))


class ModelNew(nn.Module):
    def forward(self, x):
        x = x.contiguous()
        y = torch.empty(x.shape[0], device=x.device, dtype=x.dtype)
        gate_kernel[(x.shape[0],)](x, y, x.shape[1], BLOCK=triton.next_power_of_2(x.shape[1]))
        return y
