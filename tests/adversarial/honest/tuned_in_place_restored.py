import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.autotune(
    configs=[triton.Config({"BLOCK": 512}), triton.Config({"BLOCK": 1024})],
    key=["n"],
    # every trial run adds once more: the tuner puts the values back
    restore_value=["y_ptr"],
)
@triton.jit
def axpy(x_ptr, y_ptr, n, alpha, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offs < n
    x = tl.load(x_ptr + offs, mask=mask, other=0.0).to(tl.float32)
    y = tl.load(y_ptr + offs, mask=mask, other=0.0).to(tl.float32)
    tl.store(y_ptr + offs, (y + alpha * x).to(y_ptr.dtype.element_ty), mask=mask)


class ModelNew(nn.Module):
    def __init__(self, a):
        super().__init__()
        self.a = a

    def forward(self, x, y):
        dense = y.contiguous()
        n = dense.numel()
        axpy[lambda meta: (triton.cdiv(n, meta["BLOCK"]),)](x.contiguous(), dense, n, self.a)
        if dense is not y and dense.data_ptr() != y.data_ptr():
            y.copy_(dense)
        return y
