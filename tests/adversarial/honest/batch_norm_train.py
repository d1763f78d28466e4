import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def batch_norm(
    x_ptr, w_ptr, b_ptr, running_mean_ptr, running_var_ptr, out_ptr,
    rows, stride_r, stride_c, out_stride, eps, momentum,
    BLOCK: tl.constexpr,
):
    c = tl.program_id(0)
    r = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + r * stride_r + c * stride_c, mask=r < rows, other=0.0).to(tl.float32)
    mean = tl.sum(x, axis=0) / rows
    centred = tl.where(r < rows, x - mean, 0.0)
    squares = tl.sum(centred * centred, axis=0)
    scale = tl.load(w_ptr + c).to(tl.float32) / tl.sqrt(squares / rows + eps)
    y = centred * scale + tl.load(b_ptr + c).to(tl.float32)
    tl.store(out_ptr + r * out_stride + c, y.to(out_ptr.dtype.element_ty), mask=r < rows)
    # the running variance is the unbiased one
    old_mean = tl.load(running_mean_ptr + c).to(tl.float32)
    old_var = tl.load(running_var_ptr + c).to(tl.float32)
    new_mean = (1 - momentum) * old_mean + momentum * mean
    new_var = (1 - momentum) * old_var + momentum * (squares / (rows - 1))
    tl.store(running_mean_ptr + c, new_mean.to(running_mean_ptr.dtype.element_ty))
    tl.store(running_var_ptr + c, new_var.to(running_var_ptr.dtype.element_ty))


class ModelNew(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.norm = nn.BatchNorm1d(n)

    def forward(self, x):
        rows, cols = x.shape
        if rows < 2:
            raise ValueError("Expected more than 1 value per channel when training")
        norm = self.norm
        out = torch.empty((rows, cols), device=x.device, dtype=x.dtype)
        batch_norm[(cols,)](
            x, norm.weight, norm.bias, norm.running_mean, norm.running_var, out,
            rows, *x.stride(), cols, norm.eps, norm.momentum, BLOCK=triton.next_power_of_2(rows),
        )
        norm.num_batches_tracked += 1
        return out
