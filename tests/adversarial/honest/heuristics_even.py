import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.heuristics({"EVEN": lambda args: args["cols"] % args["COLS"] == 0})
@triton.jit
def scale_shift(
    x_ptr, scale_ptr, shift_ptr, out_ptr,
    cols, stride_r, stride_c, stride_s, stride_t,
    COLS: tl.constexpr, EVEN: tl.constexpr,
):
    row = tl.program_id(0)
    for start in range(0, cols, COLS):
        c = start + tl.arange(0, COLS)
        if EVEN:
            x = tl.load(x_ptr + row * stride_r + c * stride_c).to(tl.float32)
            y = x * tl.load(scale_ptr + c * stride_s).to(tl.float32) + tl.load(shift_ptr + c * stride_t).to(tl.float32)
            tl.store(out_ptr + row * cols + c, y.to(out_ptr.dtype.element_ty))
        else:
            mask = c < cols
            x = tl.load(x_ptr + row * stride_r + c * stride_c, mask=mask).to(tl.float32)
            scale = tl.load(scale_ptr + c * stride_s, mask=mask).to(tl.float32)
            y = x * scale + tl.load(shift_ptr + c * stride_t, mask=mask).to(tl.float32)
            tl.store(out_ptr + row * cols + c, y.to(out_ptr.dtype.element_ty), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x, scale, shift):
        rows, cols = x.shape
        out = torch.empty((rows, cols), device=x.device, dtype=x.dtype)
        scale_shift[(rows,)](x, scale, shift, out, cols, *x.stride(), scale.stride(0), shift.stride(0), COLS=64)
        return out
