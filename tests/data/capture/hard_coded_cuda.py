import torch
import torch.nn as nn
import triton
import triton.language as tl

import torch.nn.functional as F


@triton.jit
def scale_kernel(x_ptr, out_ptr, factor, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets, mask=offsets < n)
    tl.store(out_ptr + offsets, x * factor, mask=offsets < n)


def scale(x, factor):
    assert x.is_cuda and x.device.type == "cuda", "needs a GPU"
    assert torch.cuda.is_available() and torch.cuda.device_count() > 0
    device = torch.device("cuda", torch.cuda.current_device())
    assert x.device == device
    programs = torch.cuda.get_device_properties(device).multi_processor_count
    assert torch.cuda.get_device_capability() == (8, 9)
    out = torch.empty_like(x, device="cuda")
    with torch.cuda.device(x.device), torch.cuda.stream(torch.cuda.current_stream()):
        scale_kernel[(programs,)](x, out, factor, x.numel(), BLOCK=1024)
    torch.cuda.synchronize()
    return out


class ModelNew(nn.Module):
    def __init__(self):
        super().__init__()
        self.linear = nn.Linear(64, 32).cuda()
        self.register_buffer("table", torch.arange(64, device="cuda"))
        self.weight = nn.Parameter(torch.randn(32, 64, device="cuda"))

    def forward(self, x):
        x = x.to("cuda").cuda().to(torch.device("cuda:0")).to(0)
        y = scale(x[:, 1:].contiguous(), 0.5)
        y = scale(x.t()[2:], 2)
        z = scale(F.relu(self.linear(x)) + torch.zeros(1, device="cuda").new_ones(32), 1)
        return {"y": y, "z": (z + x @ self.weight.t()).sum(dim=1), "n": x.shape[0], "k": [torch.full((2,), 3.0, device="cuda")]}
