import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def min_max(x_ptr, low_ptr, high_ptr, rows, cols, stride_r, stride_c, ROWS: tl.constexpr, COLS: tl.constexpr):
    r = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    c = tl.arange(0, COLS)
    mask = (r < rows)[:, None] & (c < cols)[None, :]
    place = x_ptr + r[:, None] * stride_r + c[None, :] * stride_c
    x = tl.load(place, mask=mask, other=0.0).to(tl.float32)
    # tl.min and tl.max drop NaN on a GPU
    spoiled = tl.max((mask & (x != x)).to(tl.int32), axis=1) > 0
    low = tl.min(tl.where(mask, x, float("inf")), axis=1)
    high = tl.max(tl.where(mask, x, float("-inf")), axis=1)
    tl.store(low_ptr + r, tl.where(spoiled, float("nan"), low), mask=r < rows)
    tl.store(high_ptr + r, tl.where(spoiled, float("nan"), high), mask=r < rows)


class ModelNew(nn.Module):
    def forward(self, x):
        rows, cols = x.shape
        low = torch.empty(rows, device=x.device, dtype=x.dtype)
        high = torch.empty_like(low)
        min_max[(triton.cdiv(rows, 16),)](
            x, low, high, rows, cols, x.stride(0), x.stride(1), ROWS=16, COLS=triton.next_power_of_2(cols)
        )
        return low, high
