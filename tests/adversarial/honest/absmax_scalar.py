import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def absmax_kernel(x_ptr, bits_ptr, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offs, mask=offs < n, other=0.0).to(tl.float32)
    # The bits of floats without a sign are ordered like integers, with Inf and NaN above all others.
    bits = x.to(tl.int32, bitcast=True) & 0x7FFFFFFF
    tl.atomic_max(bits_ptr, tl.max(bits, axis=0))


class ModelNew(nn.Module):
    def forward(self, x):
        x = x.contiguous()
        bits = torch.zeros((), device=x.device, dtype=torch.int32)
        absmax_kernel[(triton.cdiv(x.numel(), 1024),)](x, bits, x.numel(), BLOCK=1024)
        return bits.view(torch.float32).to(x.dtype)
