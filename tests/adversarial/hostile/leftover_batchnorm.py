import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.autotune(
    configs=[triton.Config({"BLOCK": 1024}), triton.Config({"BLOCK": 512}), triton.Config({"BLOCK": 256})],
    key=["pixels"],
)
@triton.jit
def norm_kernel(x_ptr, y_ptr, mean_ptr, var_ptr, w_ptr, b_ptr, channels, pixels, eps, BLOCK: tl.constexpr):
    plane = tl.program_id(0)
    channel = plane % channels
    offsets = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < pixels
    scale = tl.load(w_ptr + channel) / tl.sqrt(tl.load(var_ptr + channel).to(tl.float32) + eps)
    x = tl.load(x_ptr + plane * pixels + offsets, mask=mask)
    y = (x - tl.load(mean_ptr + channel)) * scale + tl.load(b_ptr + channel)
    tl.store(y_ptr + plane * pixels + offsets, y.to(y_ptr.dtype.element_ty), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.bn = nn.BatchNorm2d(features).eval()

    def forward(self, x):
        x = x.contiguous()
        y = torch.empty_like(x)
        images, channels, height, width = x.shape
        grid = (images * channels, triton.cdiv(height * width, 1024))
        bn = self.bn
        norm_kernel[grid](x, y, bn.running_mean, bn.running_var, bn.weight, bn.bias, channels, height * width, bn.eps)
        return y
