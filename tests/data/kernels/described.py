"""Kernels that take tensor descriptors made on the host, and one that splits k into a workspace."""

import triton
import triton.language as tl


@triton.jit
def hosted(a_desc, b_desc, c_desc, K, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr):
    """c = a @ b.T"""
    pid_m = tl.program_id(0)
    pid_n = tl.program_id(1)
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for k in range(tl.cdiv(K, BLOCK_K)):
        a = a_desc.load([pid_m * BLOCK_M, k * BLOCK_K])
        b = b_desc.load([pid_n * BLOCK_N, k * BLOCK_K])
        acc = tl.dot(a, b.T, acc)
    c_desc.store([pid_m * BLOCK_M, pid_n * BLOCK_N], acc.to(tl.float16))


@triton.jit
def hosted_alone(a_desc, b_desc, c_ptr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr):
    """c = a @ b, all lengths from the descriptors, stored through a pointer."""
    M, N, K = a_desc.shape[0], b_desc.shape[1], a_desc.shape[1]
    pid_m = tl.program_id(0)
    pid_n = tl.program_id(1)
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for k in range(0, K, BLOCK_K):
        acc = tl.dot(a_desc.load([pid_m * BLOCK_M, k]), b_desc.load([k, pid_n * BLOCK_N]), acc)
    rm = pid_m * BLOCK_M + tl.arange(0, BLOCK_M)
    rn = pid_n * BLOCK_N + tl.arange(0, BLOCK_N)
    tl.store(c_ptr + rm[:, None] * N + rn[None, :], acc.to(tl.float16), mask=(rm[:, None] < M) & (rn[None, :] < N))


@triton.jit
def hosted_batch(
    a_desc, b_desc, bias_desc, c_desc, K, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr
):
    """c[i] = max(a[i] @ b[i] + bias, 0)"""
    pid_m = tl.program_id(0)
    pid_n = tl.program_id(1)
    batch = tl.program_id(2)
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for k in range(0, K, BLOCK_K):
        a = a_desc.load([batch, pid_m * BLOCK_M, k]).reshape(BLOCK_M, BLOCK_K)
        b = b_desc.load([batch, k, pid_n * BLOCK_N]).reshape(BLOCK_K, BLOCK_N)
        acc = tl.dot(a, b, acc)
    bias = bias_desc.load([pid_n * BLOCK_N])
    acc = tl.maximum(acc + bias[None, :].to(tl.float32), 0.0)
    c_desc.store([batch, pid_m * BLOCK_M, pid_n * BLOCK_N], acc.to(tl.float16).reshape(1, BLOCK_M, BLOCK_N))


@triton.jit
def misnamed(a_desc, b_desc, c_desc, a_desc_shape_0, BLOCK: tl.constexpr):
    acc = tl.dot(a_desc.load([0, 0]), b_desc.load([0, 0]).T)
    c_desc.store([0, 0], (acc * a_desc_shape_0).to(tl.float16))


@triton.jit
def workspace(
    a_ptr, b_ptr, w_ptr, M, N, K,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, SPLIT_K: tl.constexpr,
):
    """w[i] = a @ b over the i-th part of k"""
    part = tl.program_id(2)
    rm = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    rn = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    first = part * tl.cdiv(K, SPLIT_K)
    last = min(first + tl.cdiv(K, SPLIT_K), K)
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for k in range(first, last, BLOCK_K):
        rk = k + tl.arange(0, BLOCK_K)
        a = tl.load(a_ptr + rm[:, None] * K + rk[None, :], mask=(rm[:, None] < M) & (rk[None, :] < last), other=0.0)
        b = tl.load(b_ptr + rk[:, None] * N + rn[None, :], mask=(rk[:, None] < last) & (rn[None, :] < N), other=0.0)
        acc += tl.dot(a, b)
    w_ptrs = w_ptr + part * M * N + rm[:, None] * N + rn[None, :]
    tl.store(w_ptrs, acc, mask=(rm[:, None] < M) & (rn[None, :] < N))
