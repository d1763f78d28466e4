import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def lower_triangular_kernel(
    a_ptr, b_ptr, c_ptr, N,
    stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn,
    BLOCK: tl.constexpr,
):
    pid_m = tl.program_id(0)
    pid_n = tl.program_id(1)
    if pid_n > pid_m:
        return
    rm = pid_m * BLOCK + tl.arange(0, BLOCK)
    rn = pid_n * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for k in range(pid_n * BLOCK, (pid_m + 1) * BLOCK, BLOCK):
        rk = k + tl.arange(0, BLOCK)
        a = tl.load(
            a_ptr + rm[:, None] * stride_am + rk[None, :] * stride_ak,
            mask=(rm[:, None] < N) & (rk[None, :] < N), other=0.0,
        )
        b = tl.load(
            b_ptr + rk[:, None] * stride_bk + rn[None, :] * stride_bn,
            mask=(rk[:, None] < N) & (rn[None, :] < N), other=0.0,
        )
        acc += tl.dot(a, b)
    inside = (rm[:, None] < N) & (rn[None, :] < N) & (rm[:, None] >= rn[None, :])
    tl.store(c_ptr + rm[:, None] * stride_cm + rn[None, :] * stride_cn, acc, mask=inside)


class ModelNew(nn.Module):
    """C = tril(A @ B) for lower triangular A and B."""

    def forward(self, A, B):
        assert A.shape == B.shape and A.shape[0] == A.shape[1]
        N = A.shape[0]
        C = torch.zeros_like(A)
        grid = (triton.cdiv(N, 64), triton.cdiv(N, 64))
        lower_triangular_kernel[grid](
            A, B, C, N,
            A.stride(0), A.stride(1), B.stride(0), B.stride(1), C.stride(0), C.stride(1),
            BLOCK=64,
        )
        return C
