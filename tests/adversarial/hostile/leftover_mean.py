import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.autotune(
    configs=[triton.Config({"BLOCK": 1024}), triton.Config({"BLOCK": 512}), triton.Config({"BLOCK": 256})],
    key=["rows", "columns"],
)
@triton.jit
def mean_kernel(x_ptr, y_ptr, rows, columns, count, BLOCK: tl.constexpr):
    outputs = tl.program_id(0) * (BLOCK // 16) + tl.arange(0, BLOCK // 16)
    mask = outputs < count
    start = (outputs // columns) * rows * columns + outputs % columns
    total = tl.zeros((BLOCK // 16,), dtype=tl.float32)
    for first in range(0, rows, 16):
        row = first + tl.arange(0, 16)
        tile = start[None, :] + row[:, None] * columns
        total += tl.sum(tl.load(x_ptr + tile, mask=mask[None, :] & (row[:, None] < rows), other=0.0), axis=0)
    tl.store(y_ptr + outputs, (total / rows).to(y_ptr.dtype.element_ty), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x):
        x = x.contiguous()
        batch, rows, columns = x.shape
        y = torch.empty((batch, columns), device=x.device, dtype=x.dtype)
        mean_kernel[(triton.cdiv(batch * columns, 1024 // 16),)](x, y, rows, columns, batch * columns)
        return y
