import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.autotune(
    configs=[triton.Config({"ROWS": 8}), triton.Config({"ROWS": 32})],
    key=["rows", "cols"],
    # every trial run adds to the sums: the tuner sets them to zero before each
    reset_to_zero=["out_ptr"],
)
@triton.jit
def column_sum(x_ptr, out_ptr, rows, cols, stride_r, stride_c, ROWS: tl.constexpr, COLS: tl.constexpr):
    r = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    c = tl.program_id(1) * COLS + tl.arange(0, COLS)
    mask = (r < rows)[:, None] & (c < cols)[None, :]
    x = tl.load(x_ptr + r[:, None] * stride_r + c[None, :] * stride_c, mask=mask, other=0.0)
    tl.atomic_add(out_ptr + c, tl.sum(x.to(tl.float32), axis=0), mask=c < cols)


class ModelNew(nn.Module):
    def forward(self, x):
        rows, cols = x.shape
        out = torch.zeros(cols, device=x.device, dtype=torch.float32)
        grid = lambda meta: (triton.cdiv(rows, meta["ROWS"]), triton.cdiv(cols, 64))
        column_sum[grid](x, out, rows, cols, x.stride(0), x.stride(1), COLS=64)
        return out.to(x.dtype)
