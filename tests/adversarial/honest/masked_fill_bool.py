import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def fill(x_ptr, mask_ptr, out_ptr, value, rows, cols, sxr, sxc, smr, smc, ROWS: tl.constexpr, COLS: tl.constexpr):
    r = tl.program_id(0) * ROWS + tl.arange(0, ROWS)[:, None]
    c = tl.arange(0, COLS)[None, :]
    inside = (r < rows) & (c < cols)
    chosen = tl.load(mask_ptr + r * smr + c * smc, mask=inside, other=0)
    # what is replaced is not read either
    x = tl.load(x_ptr + r * sxr + c * sxc, mask=inside & (chosen == 0), other=value)
    tl.store(out_ptr + r * cols + c, x, mask=inside)


class ModelNew(nn.Module):
    def __init__(self, value):
        super().__init__()
        self.value = value

    def forward(self, x, mask):
        rows, cols = x.shape
        out = torch.empty((rows, cols), device=x.device, dtype=x.dtype)
        fill[(triton.cdiv(rows, 8),)](
            x, mask, out, self.value, rows, cols, *x.stride(), *mask.stride(), ROWS=8, COLS=triton.next_power_of_2(cols)
        )
        return out
