import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def squared_error(x_ptr, y_ptr, partial_ptr, n, BLOCK: tl.constexpr):
    pid = tl.program_id(0)
    offs = pid * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    x = tl.load(x_ptr + offs, mask=mask, other=0.0).to(tl.float32)
    y = tl.load(y_ptr + offs, mask=mask, other=0.0).to(tl.float32)
    tl.store(partial_ptr + pid, tl.sum((x - y) * (x - y), axis=0))


class ModelNew(nn.Module):
    def forward(self, x, y):
        x, y = x.contiguous(), y.contiguous()
        n = x.numel()
        programs = triton.cdiv(n, 512)
        partial = torch.empty(programs, device=x.device, dtype=torch.float32)
        squared_error[(programs,)](x, y, partial, n, BLOCK=512)
        # a dozen partial sums are left: torch adds them
        return (torch.sum(partial) / n).to(x.dtype)
