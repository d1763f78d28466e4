import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.autotune(configs=[triton.Config({"BLOCK": 1024}), triton.Config({"BLOCK": 256})], key=["rows", "columns"])
@triton.jit
def mean_kernel(x_ptr, y_ptr, rows, columns, count, BLOCK: tl.constexpr):
    outputs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = outputs < count
    start = (outputs // columns) * rows * columns + outputs % columns
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for row in range(rows):
        total += tl.load(x_ptr + start + row * columns, mask=mask, other=0.0)
    tl.store(y_ptr + outputs, (total / rows).to(y_ptr.dtype.element_ty), mask=mask)


class ModelNew(nn.Module):
    def forward(self, x):
        x = x.contiguous()
        batch, rows, height, width = x.shape
        columns = height * width
        y = torch.empty((batch, height, width), device=x.device, dtype=x.dtype)
        mean_kernel[(triton.cdiv(batch * columns, 1024),)](x, y, rows, columns, batch * columns)
        return y
