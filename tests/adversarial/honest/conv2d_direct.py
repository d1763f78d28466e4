import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def conv3x3(
    x_ptr, w_ptr, bias_ptr, out_ptr,
    H, W, C_OUT,
    sxn, sxc, sxh, sxw,
    C_IN: tl.constexpr, BLOCK: tl.constexpr,
):
    plane = tl.program_id(0)
    image = plane // C_OUT
    channel = plane % C_OUT
    pixel = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    row = pixel // W
    column = pixel % W
    acc = tl.zeros((BLOCK,), dtype=tl.float32) + tl.load(bias_ptr + channel).to(tl.float32)
    for c in range(C_IN):
        for dy in tl.static_range(3):
            for dx in tl.static_range(3):
                y, x = row + dy - 1, column + dx - 1
                inside = (pixel < H * W) & (y >= 0) & (y < H) & (x >= 0) & (x < W)
                value = tl.load(x_ptr + image * sxn + c * sxc + y * sxh + x * sxw, mask=inside, other=0.0).to(tl.float32)
                weight = tl.load(w_ptr + channel * C_IN * 9 + c * 9 + dy * 3 + dx).to(tl.float32)
                acc += value * weight
    tl.store(out_ptr + plane * H * W + pixel, acc.to(out_ptr.dtype.element_ty), mask=pixel < H * W)


class ModelNew(nn.Module):
    def __init__(self, c_in, c_out):
        super().__init__()
        # held for its parameters, which must be drawn as the reference draws them
        self.conv = nn.Conv2d(c_in, c_out, 3, padding=1)

    def forward(self, x):
        batch, c_in, height, width = x.shape
        weight, bias = self.conv.weight, self.conv.bias
        c_out = weight.shape[0]
        out = torch.empty((batch, c_out, height, width), device=x.device, dtype=x.dtype)
        grid = (batch * c_out, triton.cdiv(height * width, 256))
        conv3x3[grid](x, weight, bias, out, height, width, c_out, *x.stride(), C_IN=c_in, BLOCK=256)
        return out
