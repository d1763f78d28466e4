import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def axpy(x_ptr, y_ptr, rows, cols, sxr, sxc, syr, syc, alpha, ROWS: tl.constexpr, COLS: tl.constexpr):
    r = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
    c = tl.program_id(1) * COLS + tl.arange(0, COLS)[None, :]
    inside = (r < rows) & (c < cols)
    x = tl.load(x_ptr + r * sxr + c * sxc, mask=inside, other=0.0).to(tl.float32)
    y = tl.load(y_ptr + r * syr + c * syc, mask=inside, other=0.0).to(tl.float32)
    tl.store(y_ptr + r * syr + c * syc, (y + alpha * x).to(y_ptr.dtype.element_ty), mask=inside)


class ModelNew(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.a = a

    def forward(self, x, y):
        rows, cols = x.shape
        grid = (triton.cdiv(rows, 16), triton.cdiv(cols, 64))
        axpy[grid](x, y, rows, cols, *x.stride(), *y.stride(), self.a, ROWS=16, COLS=64)
        return y
