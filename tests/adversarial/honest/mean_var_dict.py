import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def moments(x_ptr, mean_ptr, var_ptr, cols, stride_r, stride_c, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    c = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * stride_r + c * stride_c, mask=c < cols, other=0.0).to(tl.float32)
    mean = tl.sum(x, axis=0) / cols
    centred = tl.where(c < cols, x - mean, 0.0)
    tl.store(mean_ptr + row, mean.to(mean_ptr.dtype.element_ty))
    tl.store(var_ptr + row, (tl.sum(centred * centred, axis=0) / cols).to(var_ptr.dtype.element_ty))


class ModelNew(nn.Module):
    def forward(self, x):
        rows, cols = x.shape
        result = {
            "mean": torch.empty(rows, device=x.device, dtype=x.dtype),
            "var": torch.empty(rows, device=x.device, dtype=x.dtype),
        }
        block = triton.next_power_of_2(cols)
        moments[(rows,)](x, result["mean"], result["var"], cols, x.stride(0), x.stride(1), BLOCK=block)
        return result
