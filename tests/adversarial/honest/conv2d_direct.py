import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def conv3x3(
    x_ptr, w_ptr, bias_ptr, out_ptr,
    H, W, C_OUT,
    sxn, sxc, sxh, sxw,
    C_IN: tl.constexpr, BLOCK: tl.constexpr, CHANNELS: tl.constexpr,
):
    image = tl.program_id(0)
    pixel = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    channel = tl.arange(0, CHANNELS)
    row = pixel // W
    column = pixel % W
    bias = tl.load(bias_ptr + channel, mask=channel < C_OUT, other=0.0).to(tl.float32)
    acc = tl.zeros((CHANNELS, BLOCK), dtype=tl.float32) + bias[:, None]
    for c in range(C_IN):
        for dy in tl.static_range(3):
            for dx in tl.static_range(3):
                y, x = row + dy - 1, column + dx - 1
                inside = (pixel < H * W) & (y >= 0) & (y < H) & (x >= 0) & (x < W)
                value = tl.load(x_ptr + image * sxn + c * sxc + y * sxh + x * sxw, mask=inside, other=0.0).to(tl.float32)
                place = (channel * C_IN + c) * 9 + dy * 3 + dx
                weight = tl.load(w_ptr + place, mask=channel < C_OUT, other=0.0).to(tl.float32)
                acc += weight[:, None] * value[None, :]
    out = out_ptr + (image * C_OUT + channel[:, None]) * H * W + pixel[None, :]
    tl.store(out, acc.to(out_ptr.dtype.element_ty), mask=(channel[:, None] < C_OUT) & (pixel[None, :] < H * W))


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
        conv3x3[(batch, triton.cdiv(height * width, 128))](
            x, weight, bias, out, height, width, c_out, *x.stride(),
            C_IN=c_in, BLOCK=128, CHANNELS=triton.next_power_of_2(c_out),
        )
        return out
