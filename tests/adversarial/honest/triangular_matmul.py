import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def lower_matmul(a_ptr, b_ptr, c_ptr, N, sam, sak, sbk, sbn, BLOCK: tl.constexpr):
    pid_m, pid_n = tl.program_id(0), tl.program_id(1)
    m = pid_m * BLOCK + tl.arange(0, BLOCK)
    n = pid_n * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    # blocks above the diagonal hold zeros: for them the loop is empty
    for block in range(pid_n, pid_m + 1):
        k = block * BLOCK + tl.arange(0, BLOCK)
        a_mask = (m[:, None] < N) & (k[None, :] <= m[:, None])
        b_mask = (k[:, None] < N) & (n[None, :] <= k[:, None])
        a = tl.load(a_ptr + m[:, None] * sam + k[None, :] * sak, mask=a_mask, other=0.0)
        b = tl.load(b_ptr + k[:, None] * sbk + n[None, :] * sbn, mask=b_mask, other=0.0)
        acc = tl.dot(a, b, acc, input_precision="ieee")
    acc = tl.where(n[None, :] <= m[:, None], acc, 0.0)
    mask = (m[:, None] < N) & (n[None, :] < N)
    tl.store(c_ptr + m[:, None] * N + n[None, :], acc.to(c_ptr.dtype.element_ty), mask=mask)


class ModelNew(nn.Module):
    def forward(self, a, b):
        N = a.shape[0]
        c = torch.empty((N, N), device=a.device, dtype=a.dtype)
        tiles = triton.cdiv(N, 16)
        lower_matmul[(tiles, tiles)](a, b, c, N, *a.stride(), *b.stride(), BLOCK=16)
        return c
