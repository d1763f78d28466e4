import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def normalise(
    x_ptr, mean_ptr, var_ptr, w_ptr, b_ptr, out_ptr, rows, cols, stride_r, stride_c, eps,
    ROWS: tl.constexpr, COLS: tl.constexpr,
):
    r = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
    c = tl.program_id(1) * COLS + tl.arange(0, COLS)
    live = c < cols
    mean = tl.load(mean_ptr + c, mask=live).to(tl.float32)
    var = tl.load(var_ptr + c, mask=live, other=1.0).to(tl.float32)
    scale = tl.load(w_ptr + c, mask=live).to(tl.float32) / tl.sqrt(var + eps)
    shift = tl.load(b_ptr + c, mask=live).to(tl.float32)
    mask = (r < rows) & live[None, :]
    x = tl.load(x_ptr + r * stride_r + c[None, :] * stride_c, mask=mask, other=0.0).to(tl.float32)
    y = (x - mean[None, :]) * scale[None, :] + shift[None, :]
    tl.store(out_ptr + r * cols + c[None, :], y.to(out_ptr.dtype.element_ty), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.norm = nn.BatchNorm1d(n)
        self.eval()

    def forward(self, x):
        rows, cols = x.shape
        norm = self.norm
        out = torch.empty((rows, cols), device=x.device, dtype=x.dtype)
        normalise[(triton.cdiv(rows, 32), triton.cdiv(cols, 64))](
            x, norm.running_mean, norm.running_var, norm.weight, norm.bias, out,
            rows, cols, *x.stride(), norm.eps, ROWS=32, COLS=64,
        )
        return out
