import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def pool(x_ptr, out_ptr, H, W, OH, OW, SIZE: tl.constexpr, BLOCK: tl.constexpr):
    plane = tl.program_id(0)
    offs = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    inside = offs < OH * OW
    y = (offs // OW) * SIZE
    x = (offs % OW) * SIZE
    best = tl.full((BLOCK,), float("-inf"), dtype=tl.float32)
    for i in tl.static_range(SIZE * SIZE):
        place = plane * H * W + (y + i // SIZE) * W + x + i % SIZE
        value = tl.load(x_ptr + place, mask=inside, other=0.0).to(tl.float32)
        best = tl.where((value > best) | (value != value), value, best)
    tl.store(out_ptr + plane * OH * OW + offs, best.to(out_ptr.dtype.element_ty), mask=inside)


class ModelNew(nn.Module):
    def __init__(self, size):
        super().__init__()
        self.size = size

    def forward(self, x):
        batch, channels, height, width = x.shape
        rows, cols = height // self.size, width // self.size
        x = x.contiguous()
        out = torch.empty((batch, channels, rows, cols), device=x.device, dtype=x.dtype)
        pool[(batch * channels, triton.cdiv(rows * cols, 128))](x, out, height, width, rows, cols, SIZE=self.size, BLOCK=128)
        return out
