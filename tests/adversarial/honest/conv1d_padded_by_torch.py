import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def conv1d(x_ptr, w_ptr, out_ptr, width, padded, TAPS: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    c = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK,), dtype=tl.float32)
    for tap in tl.static_range(TAPS):
        w = tl.load(w_ptr + tap).to(tl.float32)
        acc += w * tl.load(x_ptr + row * padded + c + tap, mask=c < width, other=0.0).to(tl.float32)
    tl.store(out_ptr + row * width + c, acc.to(out_ptr.dtype.element_ty), mask=c < width)


class ModelNew(nn.Module):
    def __init__(self, taps):
        super().__init__()
        self.weight = nn.Parameter(torch.randn(taps))

    def forward(self, x):
        rows, width = x.shape
        taps = self.weight.numel()
        padded = torch.nn.functional.pad(x, (taps // 2, taps // 2)).contiguous()
        out = torch.empty((rows, width), device=x.device, dtype=x.dtype)
        conv1d[(rows, triton.cdiv(width, 128))](padded, self.weight, out, width, padded.shape[1], TAPS=taps, BLOCK=128)
        return out
