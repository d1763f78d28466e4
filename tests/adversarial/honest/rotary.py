import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def rotate(x_ptr, cos_ptr, sin_ptr, out_ptr, length, sxb, sxl, sxd, HALF: tl.constexpr, BLOCK: tl.constexpr, BLOCK_D: tl.constexpr):
    batch = tl.program_id(0)
    t = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)[:, None]
    d = tl.arange(0, BLOCK_D)[None, :]
    mask = (t < length) & (d < HALF)
    x = x_ptr + batch * sxb + t * sxl
    left = tl.load(x + d * sxd, mask=mask).to(tl.float32)
    right = tl.load(x + (d + HALF) * sxd, mask=mask).to(tl.float32)
    cos = tl.load(cos_ptr + t * HALF + d, mask=mask).to(tl.float32)
    sin = tl.load(sin_ptr + t * HALF + d, mask=mask).to(tl.float32)
    out = out_ptr + (batch * length + t) * 2 * HALF + d
    tl.store(out, (left * cos - right * sin).to(out_ptr.dtype.element_ty), mask=mask)
    tl.store(out + HALF, (right * cos + left * sin).to(out_ptr.dtype.element_ty), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x, cos, sin):
        batch, length, width = x.shape
        out = torch.empty((batch, length, width), device=x.device, dtype=x.dtype)
        rotate[(batch, triton.cdiv(length, 16))](
            x, cos.contiguous(), sin.contiguous(), out, length, *x.stride(), HALF=width // 2,
            BLOCK=16, BLOCK_D=triton.next_power_of_2(width // 2),
        )
        return out
