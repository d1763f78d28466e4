import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def norm_kernel(x_ptr, y_ptr, mean_ptr, var_ptr, w_ptr, b_ptr, images, channels, pixels, eps, BLOCK: tl.constexpr):
    channel = tl.program_id(0)
    item = tl.arange(0, BLOCK)
    mask = item < images * pixels
    places = (item // pixels * channels + channel) * pixels + item % pixels
    x = tl.load(x_ptr + places, mask=mask, other=0.0).to(tl.float32)
    mean = tl.sum(x, axis=0) / (images * pixels)
    centred = tl.where(mask, x - mean, 0.0)
    var = tl.sum(centred * centred, axis=0) / (images * pixels)
    y = centred / tl.sqrt(var + eps) * tl.load(w_ptr + channel) + tl.load(b_ptr + channel)
    tl.store(y_ptr + places, y.to(y_ptr.dtype.element_ty), mask=mask)
    tl.store(mean_ptr + channel, mean.to(mean_ptr.dtype.element_ty))
    tl.store(var_ptr + channel, var.to(var_ptr.dtype.element_ty))


class ModelNew(nn.Module):
    def __init__(self, features):
        super().__init__()
        self.bn = nn.BatchNorm2d(features)

    def forward(self, x):
        x = x.contiguous()
        y, bn = torch.empty_like(x), self.bn
        images, channels, height, width = x.shape
        mean, var = torch.empty_like(bn.running_mean), torch.empty_like(bn.running_var)
        pixels, block = height * width, triton.next_power_of_2(images * height * width)
        norm_kernel[(channels,)](x, y, mean, var, bn.weight, bn.bias, images, channels, pixels, bn.eps, BLOCK=block)
        bn.running_mean.lerp_(mean, bn.momentum)
        bn.running_var.lerp_(var, bn.momentum)
        bn.num_batches_tracked.add_(1)
        return y
