import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def both_kernel(x_ptr, s_ptr, m_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    inner = tl.arange(0, BLOCK)
    mask = inner < columns
    x = tl.load(x_ptr + row * columns + inner, mask=mask, other=-float("inf")).to(tl.float32)
    tl.store(s_ptr + row, tl.sum(tl.where(mask, x, 0.0), axis=0).to(s_ptr.dtype.element_ty))
    best = tl.max(x, axis=0)
    best = tl.where(tl.sum((x != x).to(tl.int32), axis=0) > 0, float("nan"), best)
    tl.store(m_ptr + row, best.to(m_ptr.dtype.element_ty))


class ModelNew(nn.Module):
    def forward(self, x):
        x = x.contiguous()
        total = torch.empty(x.shape[0], device=x.device, dtype=x.dtype)
        best = torch.empty_like(total)
        both_kernel[(x.shape[0],)](x, total, best, x.shape[1], BLOCK=triton.next_power_of_2(x.shape[1]))
        return total
