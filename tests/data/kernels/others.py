"""Kernels that are no contraction: each must be declined with its reason."""

import triton
import triton.language as tl


@triton.jit
def softmax(x_ptr, y_ptr, n, stride, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    cols = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * stride + cols, mask=cols < n, other=-float("inf"))
    e = tl.exp(x - tl.max(x, axis=0))
    tl.store(y_ptr + row * stride + cols, e / tl.sum(e, axis=0), mask=cols < n)


@triton.jit
def layernorm(x_ptr, w_ptr, y_ptr, n, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    mean = 0.0
    total = tl.zeros([BLOCK], dtype=tl.float32)
    for start in range(0, n, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        total += tl.load(x_ptr + row * n + cols, mask=cols < n, other=0.0)
    mean = tl.sum(total, axis=0) / n
    for start in range(0, n, BLOCK):
        cols = start + tl.arange(0, BLOCK)
        x = tl.load(x_ptr + row * n + cols, mask=cols < n, other=0.0)
        w = tl.load(w_ptr + cols, mask=cols < n)
        tl.store(y_ptr + row * n + cols, (x - mean) * w * eps, mask=cols < n)


@triton.jit
def elementwise(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    tl.store(y_ptr + offs, tl.load(x_ptr + offs, mask=offs < n) * 2, mask=offs < n)


@triton.jit
def attention(q_ptr, k_ptr, v_ptr, o_ptr, S, scale, D: tl.constexpr, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr):
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    d = tl.arange(0, D)
    q = tl.load(q_ptr + m[:, None] * D + d[None, :], mask=m[:, None] < S, other=0.0)
    high = tl.full([BLOCK_M], -float("inf"), dtype=tl.float32)
    total = tl.zeros([BLOCK_M], dtype=tl.float32)
    acc = tl.zeros([BLOCK_M, D], dtype=tl.float32)
    for start in range(0, S, BLOCK_N):
        n = start + tl.arange(0, BLOCK_N)
        k = tl.load(k_ptr + n[None, :] * D + d[:, None], mask=n[None, :] < S, other=0.0)
        v = tl.load(v_ptr + n[:, None] * D + d[None, :], mask=n[:, None] < S, other=0.0)
        qk = tl.dot(q, k) * scale
        new = tl.maximum(high, tl.max(qk, 1))
        p = tl.exp(qk - new[:, None])
        total = total * tl.exp(high - new) + tl.sum(p, 1)
        acc = acc * tl.exp(high - new)[:, None] + tl.dot(p.to(v.dtype), v)
        high = new
    tl.store(o_ptr + m[:, None] * D + d[None, :], acc / total[:, None], mask=m[:, None] < S)


@triton.jit
def two_products(a_ptr, b_ptr, c_ptr, out_ptr, N, K, BLOCK: tl.constexpr):
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    gate = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    up = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(0, K, BLOCK):
        k = start + tl.arange(0, BLOCK)
        a = tl.load(a_ptr + m[:, None] * K + k[None, :])
        gate += tl.dot(a, tl.load(b_ptr + k[:, None] * N + n[None, :]))
        up += tl.dot(a, tl.load(c_ptr + k[:, None] * N + n[None, :]))
    tl.store(out_ptr + m[:, None] * N + n[None, :], gate * tl.sigmoid(gate) * up)


@triton.jit
def row_sums(a_ptr, b_ptr, out_ptr, M, N, K, BLOCK: tl.constexpr):
    """A product whose tile is reduced before it is stored."""
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(0, K, BLOCK):
        k = start + tl.arange(0, BLOCK)
        a = tl.load(a_ptr + m[:, None] * K + k[None, :])
        b = tl.load(b_ptr + k[:, None] * N + n[None, :])
        acc += tl.dot(a, b)
    tl.atomic_add(out_ptr + m, tl.sum(acc, axis=1))


@triton.jit
def operand_scaled(a_ptr, b_ptr, s_ptr, out_ptr, N, K, BLOCK: tl.constexpr):
    """An operand is scaled along k before the product."""
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(0, K, BLOCK):
        k = start + tl.arange(0, BLOCK)
        a = tl.load(a_ptr + m[:, None] * K + k[None, :]) * tl.load(s_ptr + k)[None, :]
        acc += tl.dot(a, tl.load(b_ptr + k[:, None] * N + n[None, :]))
    tl.store(out_ptr + m[:, None] * N + n[None, :], acc)


@triton.jit
def causal(a_ptr, b_ptr, out_ptr, N, K, BLOCK: tl.constexpr):
    """What is added after the product depends on the element's place."""
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(0, K, BLOCK):
        k = start + tl.arange(0, BLOCK)
        acc += tl.dot(tl.load(a_ptr + m[:, None] * K + k[None, :]), tl.load(b_ptr + k[:, None] * N + n[None, :]))
    tl.store(out_ptr + m[:, None] * N + n[None, :], acc + tl.where(m[:, None] >= n[None, :], acc, 0.0))


@triton.jit
def causal_infinite(a_ptr, b_ptr, out_ptr, N, K, BLOCK: tl.constexpr):
    """What lies above the diagonal is no number."""
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(0, K, BLOCK):
        k = start + tl.arange(0, BLOCK)
        acc += tl.dot(tl.load(a_ptr + m[:, None] * K + k[None, :]), tl.load(b_ptr + k[:, None] * N + n[None, :]))
    tl.store(out_ptr + m[:, None] * N + n[None, :], tl.where(m[:, None] >= n[None, :], acc, float("-inf")))


@triton.jit
def scalar_conv(x_ptr, w_ptr, y_ptr, L, TAPS: tl.constexpr, BLOCK: tl.constexpr):
    offs = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros([BLOCK], dtype=tl.float32)
    for t in range(TAPS):
        acc += tl.load(x_ptr + offs + t, mask=offs + t < L, other=0.0) * tl.load(w_ptr + t)
    tl.store(y_ptr + offs, acc, mask=offs < L)


@triton.jit
def decayed(a_ptr, b_ptr, out_ptr, N, K, decay, BLOCK: tl.constexpr):
    """The sum shrinks in every step."""
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(0, K, BLOCK):
        k = start + tl.arange(0, BLOCK)
        a = tl.load(a_ptr + m[:, None] * K + k[None, :])
        acc = acc * decay + tl.dot(a, tl.load(b_ptr + k[:, None] * N + n[None, :]))
    tl.store(out_ptr + m[:, None] * N + n[None, :], acc)


@triton.jit
def gathered(a_ptr, b_ptr, rows_ptr, out_ptr, N, K, BLOCK: tl.constexpr):
    """Rows of A are looked up."""
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    rows = tl.load(rows_ptr + m)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(0, K, BLOCK):
        k = start + tl.arange(0, BLOCK)
        a = tl.load(a_ptr + rows[:, None] * K + k[None, :])
        acc += tl.dot(a, tl.load(b_ptr + k[:, None] * N + n[None, :]))
    tl.store(out_ptr + m[:, None] * N + n[None, :], acc)


@triton.jit
def padded_with_one(a_ptr, b_ptr, out_ptr, N, K, BLOCK: tl.constexpr):
    """What lies beyond k counts as 1."""
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(0, K, BLOCK):
        k = start + tl.arange(0, BLOCK)
        a = tl.load(a_ptr + m[:, None] * K + k[None, :], mask=k[None, :] < K, other=1.0)
        acc += tl.dot(a, tl.load(b_ptr + k[:, None] * N + n[None, :]))
    tl.store(out_ptr + m[:, None] * N + n[None, :], acc)


@triton.jit
def slanted(a_ptr, b_ptr, out_ptr, N, K, BLOCK: tl.constexpr):
    """What is read of A ends at a steeper line than a diagonal."""
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(0, K, BLOCK):
        k = start + tl.arange(0, BLOCK)
        a = tl.load(a_ptr + m[:, None] * K + k[None, :], mask=k[None, :] <= 2 * m[:, None], other=0.0)
        acc += tl.dot(a, tl.load(b_ptr + k[:, None] * N + n[None, :]))
    tl.store(out_ptr + m[:, None] * N + n[None, :], acc)


@triton.jit
def wrong_diagonal(a_ptr, b_ptr, out_ptr, N, K, BLOCK: tl.constexpr):
    """What is read of each tile of A ends at a diagonal of its own."""
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(0, K, BLOCK):
        k = start + tl.arange(0, BLOCK)
        a = tl.load(a_ptr + m[:, None] * K + k[None, :], mask=k[None, :] - start <= m[:, None], other=0.0)
        acc += tl.dot(a, tl.load(b_ptr + k[:, None] * N + n[None, :]))
    tl.store(out_ptr + m[:, None] * N + n[None, :], acc)


@triton.jit
def running(a_ptr, b_ptr, out_ptr, N, K, BLOCK: tl.constexpr):
    """Every partial sum is stored."""
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(0, K, BLOCK):
        k = start + tl.arange(0, BLOCK)
        a = tl.load(a_ptr + m[:, None] * K + k[None, :])
        acc += tl.dot(a, tl.load(b_ptr + k[:, None] * N + n[None, :]))
        tl.store(out_ptr + m[:, None] * N + n[None, :], acc)


@triton.jit
def lower_triangle(a_ptr, b_ptr, out_ptr, N, K, BLOCK: tl.constexpr):
    """Tiles above the diagonal are left out."""
    if tl.program_id(1) > tl.program_id(0):
        return
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(0, K, BLOCK):
        k = start + tl.arange(0, BLOCK)
        a = tl.load(a_ptr + m[:, None] * K + k[None, :])
        acc += tl.dot(a, tl.load(b_ptr + k[:, None] * N + n[None, :]))
    tl.store(out_ptr + m[:, None] * N + n[None, :], acc)


@triton.jit
def biased_parts(a_ptr, b_ptr, bias_ptr, out_ptr, N, K, BLOCK: tl.constexpr):
    """Split along k, and every part adds the bias again."""
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(tl.program_id(2) * BLOCK, K, 2 * BLOCK):
        k = start + tl.arange(0, BLOCK)
        a = tl.load(a_ptr + m[:, None] * K + k[None, :], mask=k[None, :] < K, other=0.0)
        b = tl.load(b_ptr + k[:, None] * N + n[None, :], mask=k[:, None] < K, other=0.0)
        acc += tl.dot(a, b)
    acc += tl.load(bias_ptr + n)[None, :]
    tl.atomic_add(out_ptr + m[:, None] * N + n[None, :], acc)


@triton.jit
def found_while_looking(a_ptr, b_ptr, out_ptr, N, K, BLOCK: tl.constexpr):
    """How far along k is read is found in memory."""
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    start = 0
    while tl.load(a_ptr + start) < 0.5:
        k = start + tl.arange(0, BLOCK)
        a = tl.load(a_ptr + m[:, None] * K + k[None, :])
        acc += tl.dot(a, tl.load(b_ptr + k[:, None] * N + n[None, :]))
        start += BLOCK
    tl.store(out_ptr + m[:, None] * N + n[None, :], acc)


@triton.jit
def doubling(a_ptr, b_ptr, out_ptr, N, K, BLOCK: tl.constexpr):
    """The steps along k grow."""
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    start = 32
    while start < K:
        k = start + tl.arange(0, BLOCK)
        a = tl.load(a_ptr + m[:, None] * K + k[None, :])
        acc += tl.dot(a, tl.load(b_ptr + k[:, None] * N + n[None, :]))
        start *= 2
    tl.store(out_ptr + m[:, None] * N + n[None, :], acc)


@triton.jit
def other_block_apart(a_ptr, b_ptr, out_ptr, N, K, BLOCK: tl.constexpr):
    """What is summed for a short k is something else."""
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    k = tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    if K <= BLOCK:
        a = tl.load(a_ptr + n[:, None] * K + k[None, :])
        acc = tl.dot(a, tl.load(b_ptr + k[:, None] * N + n[None, :]), acc)
    else:
        for start in range(0, K, BLOCK):
            a = tl.load(a_ptr + m[:, None] * K + (start + k)[None, :])
            acc = tl.dot(a, tl.load(b_ptr + (start + k)[:, None] * N + n[None, :]), acc)
    tl.store(out_ptr + m[:, None] * N + n[None, :], acc)


@triton.jit
def every_second(a_ptr, b_ptr, out_ptr, N, K, BLOCK: tl.constexpr):
    """A sum of outer products that leaves every second step out."""
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for k in range(0, K, 2):
        acc += tl.load(a_ptr + m * K + k)[:, None] * tl.load(b_ptr + k * N + n)[None, :]
    tl.store(out_ptr + m[:, None] * N + n[None, :], acc)


@triton.jit
def pairwise(a_ptr, b_ptr, out_ptr, N, K, BLOCK: tl.constexpr):
    """Both factors differ from row to row: no outer product."""
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for k in range(K):
        a = tl.load(a_ptr + (m[:, None] * N + n[None, :]) * K + k)
        acc += a * tl.load(b_ptr + k * N + n)[None, :]
    tl.store(out_ptr + m[:, None] * N + n[None, :], acc)


@triton.jit
def unlike_halves(a_ptr, b_ptr, out_ptr, N, K, BLOCK: tl.constexpr, KIND: tl.constexpr):
    """The right half of a tile is doubled, left out, swapped with the left one, or added to it."""
    m = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK)
    acc = tl.zeros((BLOCK, BLOCK), dtype=tl.float32)
    for start in range(0, K, BLOCK):
        k = start + tl.arange(0, BLOCK)
        acc += tl.dot(tl.load(a_ptr + m[:, None] * K + k[None, :]), tl.load(b_ptr + k[:, None] * N + n[None, :]))
    left, right = tl.split(acc.reshape(BLOCK, 2, BLOCK // 2).permute(0, 2, 1))
    n = tl.program_id(1) * BLOCK + tl.arange(0, BLOCK // 2)
    if KIND == "swapped":
        left, right = right, left
    if KIND == "doubled":
        right = right * 2
    if KIND == "added":
        right = right + left
    tl.store(out_ptr + m[:, None] * N + n[None, :], left)
    if KIND != "left out":
        tl.store(out_ptr + m[:, None] * N + (n + BLOCK // 2)[None, :], right)
