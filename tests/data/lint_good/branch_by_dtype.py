import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def kernel(x_ptr, y_ptr, n, WIDE: tl.constexpr, BLOCK: tl.constexpr):
    offsets = tl.program_id(0).to(tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask, other=0.0)
    if WIDE:
        y = x * x
    else:
        y = (x.to(tl.float32) * x.to(tl.float32)).to(x_ptr.dtype.element_ty)
    tl.store(y_ptr + offsets, y, mask=mask)


def square(x):
    if x.dtype not in (torch.float32, torch.float16, torch.bfloat16):
        raise TypeError(f"{x.dtype} is not supported")
    x = x if x.is_contiguous() else x.contiguous()
    y = torch.empty_like(x)
    n = x.numel()
    kernel[(triton.cdiv(n, 1024),)](x, y, n, WIDE=x.dtype == torch.float32, BLOCK=1024)
    return y


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()

    def forward(self, x):
        return square(x)
