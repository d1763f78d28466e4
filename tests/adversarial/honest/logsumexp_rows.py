import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def logsumexp(x_ptr, out_ptr, rows, cols, stride_r, stride_c, ROWS: tl.constexpr, COLS: tl.constexpr):
    r = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    c = tl.arange(0, COLS)
    mask = (r < rows)[:, None] & (c < cols)[None, :]
    x = tl.load(x_ptr + r[:, None] * stride_r + c[None, :] * stride_c, mask=mask, other=float("-inf")).to(tl.float32)
    top = tl.max(x, axis=1)
    # a row whose largest is Inf, or -Inf, has no finite difference to it
    base = tl.where(tl.abs(top) == float("inf"), 0.0, top)
    result = base + tl.log(tl.sum(tl.exp(x - base[:, None]), axis=1))
    tl.store(out_ptr + r, result.to(out_ptr.dtype.element_ty), mask=r < rows)


class ModelNew(nn.Module):
    def forward(self, x):
        rows, cols = x.shape
        out = torch.empty(rows, device=x.device, dtype=x.dtype)
        logsumexp[(triton.cdiv(rows, 16),)](
            x, out, rows, cols, *x.stride(), ROWS=16, COLS=triton.next_power_of_2(cols)
        )
        return out
