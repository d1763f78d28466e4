import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.autotune(
    configs=[triton.Config({"BLOCK": 256, "STEP": 1}), triton.Config({"BLOCK": 128, "STEP": 2})],
    key=["n"],
)
@triton.jit
def scale_kernel(x_ptr, y_ptr, n, BLOCK: tl.constexpr, STEP: tl.constexpr):
    for step in range(STEP):
        offsets = (tl.program_id(0) * STEP + step) * BLOCK + tl.arange(0, BLOCK)
        mask = offsets < n - (STEP - 1) * 100
        tl.store(y_ptr + offsets, tl.load(x_ptr + offsets, mask=mask) * 2.0 + 1.0, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x):
        x = x.contiguous()
        y = torch.empty_like(x)
        n = x.numel()
        scale_kernel[lambda meta: (triton.cdiv(n, meta["BLOCK"] * meta["STEP"]),)](x, y, n)
        return y
