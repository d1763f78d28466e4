import torch
import torch.nn as nn
import triton
import triton.language as tl

from triton.runtime import driver


@triton.jit
def softmax_kernel(out_ptr, x_ptr, rows, cols, BLOCK: tl.constexpr, num_stages: tl.constexpr):
    start, step = tl.program_id(0), tl.num_programs(0)
    for row in tl.range(start, rows, step, num_stages=num_stages):
        offsets = tl.arange(0, BLOCK)
        x = tl.load(x_ptr + row * cols + offsets, mask=offsets < cols, other=-float("inf"))
        e = tl.exp(x - tl.max(x, axis=0))
        tl.store(out_ptr + row * cols + offsets, e / tl.sum(e, axis=0), mask=offsets < cols)


class ModelNew(nn.Module):
    def forward(self, x):
        rows, cols = x.shape
        properties = driver.active.utils.get_device_properties(driver.active.get_active_torch_device().index)
        out = torch.empty_like(x)
        block = triton.next_power_of_2(cols)
        kernel = softmax_kernel.warmup(out, x, rows, cols, BLOCK=block, num_stages=2, num_warps=8, grid=(1,))
        kernel._init_handles()
        occupancy = properties["max_num_regs"] // (kernel.n_regs * properties["warpSize"] * 8)
        programs = min(properties["multiprocessor_count"] * occupancy, rows)
        assert kernel.metadata.shared <= properties["max_shared_mem"]
        softmax_kernel[(programs, 1, 1)](out, x, rows, cols, BLOCK=block, num_stages=2, num_warps=8)
        return out
