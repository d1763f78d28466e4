import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def weighted_histogram(
    x_ptr, w_ptr, out_ptr,
    n, stride_x, stride_w,
    CLASSES: tl.constexpr, BLOCK: tl.constexpr,
):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    label = tl.load(x_ptr + offs * stride_x, mask=mask, other=0)
    label = (label % CLASSES + CLASSES) % CLASSES
    weight = tl.load(w_ptr + offs * stride_w, mask=mask, other=0.0).to(tl.float32)
    tl.atomic_add(out_ptr + label, weight, mask=mask)


class ModelNew(nn.Module):
    def forward(self, x, weights):
        n = x.numel()
        out = torch.zeros(16, dtype=torch.float32, device=x.device)
        weighted_histogram[(triton.cdiv(n, 256),)](
            x, weights, out, n, x.stride(0), weights.stride(0), CLASSES=16, BLOCK=256
        )
        return out.to(weights.dtype)
