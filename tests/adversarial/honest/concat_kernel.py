import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def copy_into(src_ptr, out_ptr, rows, cols, stride_r, stride_c, out_stride, column, ROWS: tl.constexpr, COLS: tl.constexpr):
    r = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
    c = tl.program_id(1) * COLS + tl.arange(0, COLS)[None, :]
    mask = (r < rows) & (c < cols)
    value = tl.load(src_ptr + r * stride_r + c * stride_c, mask=mask)
    tl.store(out_ptr + r * out_stride + column + c, value, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x, y):
        rows = x.shape[0]
        out = torch.empty((rows, x.shape[1] + y.shape[1]), device=x.device, dtype=x.dtype)
        column = 0
        for part in (x, y):
            cols = part.shape[1]
            grid = (triton.cdiv(rows, 32), triton.cdiv(cols, 64))
            copy_into[grid](part, out, rows, cols, *part.stride(), out.stride(0), column, ROWS=32, COLS=64)
            column += cols
        return out
