"""Products whose rows, or columns, are reduced before they are stored; the tests say what each computes."""

import triton
import triton.language as tl


@triton.jit
def product(a_ptr, b_ptr, M, N, K, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr):
    rm = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    rn = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for k in range(0, K, BLOCK_K):
        rk = k + tl.arange(0, BLOCK_K)
        a = tl.load(a_ptr + rm[:, None] * K + rk[None, :], mask=(rm[:, None] < M) & (rk[None, :] < K), other=0.0)
        b = tl.load(b_ptr + rk[:, None] * N + rn[None, :], mask=(rk[:, None] < K) & (rn[None, :] < N), other=0.0)
        acc = tl.dot(a, b, acc)
    return acc, rm, rn


@triton.jit
def softmax(a_ptr, b_ptr, c_ptr, M, N, K, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr):
    acc, rm, rn = product(a_ptr, b_ptr, M, N, K, BLOCK_M, BLOCK_N, BLOCK_K)
    acc = tl.where(rn[None, :] < N, acc, float("-inf"))
    power = tl.exp(acc - tl.max(acc, 1)[:, None])
    share = power / tl.sum(power, 1)[:, None]
    tl.store(c_ptr + rm[:, None] * N + rn[None, :], share, mask=(rm[:, None] < M) & (rn[None, :] < N))


@triton.jit
def layer_norm(
    a_ptr, b_ptr, w_ptr, c_ptr, M, N, K, eps,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):
    acc, rm, rn = product(a_ptr, b_ptr, M, N, K, BLOCK_M, BLOCK_N, BLOCK_K)
    mean = tl.sum(acc, 1) / N
    centred = tl.where(rn[None, :] < N, acc - mean[:, None], 0.0)
    deviation = tl.sqrt(tl.sum(centred * centred, 1) / N + eps)
    w = tl.load(w_ptr + rn, mask=rn < N, other=0.0)
    out = centred / deviation[:, None] * w[None, :]
    tl.store(c_ptr + rm[:, None] * N + rn[None, :], out, mask=(rm[:, None] < M) & (rn[None, :] < N))


@triton.jit
def statistics(
    a_ptr, b_ptr, s_ptr, top_ptr, mean_ptr, c_ptr, M, N, K,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):
    acc, rm, rn = product(a_ptr, b_ptr, M, N, K, BLOCK_M, BLOCK_N, BLOCK_K)
    top = tl.max(tl.where(rn[None, :] < N, acc, float("-inf")), 1)
    s = tl.load(s_ptr + rm, mask=rm < M, other=0.0)
    tl.store(top_ptr + rm, top * s, mask=rm < M)
    mean = tl.sum(acc, 1, keep_dims=True) / N
    tl.store(mean_ptr + rm[:, None], mean, mask=rm[:, None] < M)
    tl.store(c_ptr + rm[:, None] * N + rn[None, :], acc, mask=(rm[:, None] < M) & (rn[None, :] < N))


@triton.jit
def columns(
    a_ptr, b_ptr, least_ptr, c_ptr, M, N, K,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):
    acc, rm, rn = product(a_ptr, b_ptr, M, N, K, BLOCK_M, BLOCK_N, BLOCK_K)
    least = tl.min(tl.where(rm[:, None] < M, acc, float("inf")), 0)
    tl.store(least_ptr + rn, least, mask=rn < N)
    tl.store(c_ptr + rm[:, None] * N + rn[None, :], acc - least[None, :], mask=(rm[:, None] < M) & (rn[None, :] < N))


@triton.jit
def number(a_ptr, b_ptr, c_ptr, M, N, K, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr):
    acc, rm, rn = product(a_ptr, b_ptr, M, N, K, BLOCK_M, BLOCK_N, BLOCK_K)
    tl.store(c_ptr + tl.program_id(0), tl.sum(tl.sum(acc, 1), 0))


@triton.jit
def crossed(a_ptr, b_ptr, c_ptr, M, N, K, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr):
    acc, rm, rn = product(a_ptr, b_ptr, M, N, K, BLOCK_M, BLOCK_N, BLOCK_K)
    out = acc - tl.sum(acc, 1)[None, :]
    tl.store(c_ptr + rm[:, None] * N + rn[None, :], out, mask=(rm[:, None] < M) & (rn[None, :] < N))


@triton.jit
def largest_place(a_ptr, b_ptr, c_ptr, M, N, K, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr):
    acc, rm, rn = product(a_ptr, b_ptr, M, N, K, BLOCK_M, BLOCK_N, BLOCK_K)
    tl.store(c_ptr + rm, tl.argmax(acc, 1).to(tl.float32), mask=rm < M)
