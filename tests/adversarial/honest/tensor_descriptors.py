import torch
import torch.nn as nn
import triton
import triton.language as tl


from triton.tools.tensor_descriptor import TensorDescriptor


@triton.jit
def add_tiles(x_desc, y_desc, out_desc, ROWS: tl.constexpr, COLS: tl.constexpr):
    row, col = tl.program_id(0) * ROWS, tl.program_id(1) * COLS
    out_desc.store([row, col], x_desc.load([row, col]) + y_desc.load([row, col]))


@triton.jit
def add_flat(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    total = tl.load(x_ptr + offs, mask=offs < n) + tl.load(y_ptr + offs, mask=offs < n)
    tl.store(out_ptr + offs, total, mask=offs < n)


class ModelNew(nn.Module):
    def forward(self, x, y):
        x, y = x.contiguous(), y.contiguous()
        out = torch.empty_like(x)
        rows, cols = x.shape
        if cols * x.element_size() % 16 == 0:
            tiles = [TensorDescriptor.from_tensor(tensor, [16, 32]) for tensor in (x, y, out)]
            add_tiles[(triton.cdiv(rows, 16), triton.cdiv(cols, 32))](*tiles, ROWS=16, COLS=32)
        else:
            # descriptors want rows of whole 16 bytes
            add_flat[(triton.cdiv(x.numel(), 1024),)](x, y, out, x.numel(), BLOCK=1024)
        return out
