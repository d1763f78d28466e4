"""The product of ``contractions.plain`` in the ways in which loops, masks and orders are often written by hand."""

import triton
import triton.language as tl


@triton.jit
def least_of_block_and_rest(
    a_ptr, b_ptr, c_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GROUP_M: tl.constexpr,
):
    """k is masked by the least of the block and what is left; the last group's rows are rotated."""
    pid = tl.program_id(0)
    tiles_m = tl.cdiv(M, BLOCK_M)
    tiles_n = tl.cdiv(N, BLOCK_N)
    width = GROUP_M * tiles_n
    first_m = pid // width * GROUP_M
    tall = min(tiles_m - first_m, GROUP_M)
    pid_m = first_m + (pid % tall)
    pid_n = (pid % width) // tall
    m = tl.max_contiguous(tl.multiple_of(pid_m * BLOCK_M + tl.arange(0, BLOCK_M), BLOCK_M), BLOCK_M)
    n = tl.max_contiguous(tl.multiple_of(pid_n * BLOCK_N + tl.arange(0, BLOCK_N), BLOCK_N), BLOCK_N)
    k = tl.arange(0, BLOCK_K)
    a_ptrs = a_ptr + m[:, None] * stride_am + k[None, :] * stride_ak
    b_ptrs = b_ptr + k[:, None] * stride_bk + n[None, :] * stride_bn
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for step in range(0, tl.cdiv(K, BLOCK_K)):
        size = min(BLOCK_K, K - step * BLOCK_K)
        a = tl.load(a_ptrs, mask=(m[:, None] < M) & (k[None, :] < size), other=0.0)
        b = tl.load(b_ptrs, mask=(k[:, None] < size) & (n[None, :] < N), other=0.0)
        acc += tl.dot(a, b)
        a_ptrs += BLOCK_K * stride_ak
        b_ptrs += BLOCK_K * stride_bk
    c_ptrs = c_ptr + m[:, None] * stride_cm + n[None, :] * stride_cn
    tl.store(c_ptrs, acc.to(c_ptr.dtype.element_ty), mask=(m[:, None] < M) & (n[None, :] < N))


@triton.jit
def carried_masks(
    a_ptr, b_ptr, c_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, LAG: tl.constexpr,
):
    """Each step makes the masks of the next; none makes those of the first. They are right if LAG is the block."""
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    k = tl.arange(0, BLOCK_K)
    a_ptrs = a_ptr + m[:, None] * stride_am + k[None, :] * stride_ak
    b_ptrs = b_ptr + k[:, None] * stride_bk + n[None, :] * stride_bn
    a_mask = (m[:, None] < M) & (k[None, :] < K)
    b_mask = (k[:, None] < K) & (n[None, :] < N)
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for start in range(0, K, BLOCK_K):
        a = tl.load(a_ptrs, mask=a_mask, other=0.0)
        b = tl.load(b_ptrs, mask=b_mask, other=0.0)
        acc += tl.dot(a, b)
        a_ptrs += BLOCK_K * stride_ak
        b_ptrs += BLOCK_K * stride_bk
        left = K - start - LAG
        a_mask = (m[:, None] < M) & (k[None, :] < left)
        b_mask = (k[:, None] < left) & (n[None, :] < N)
    c_ptrs = c_ptr + m[:, None] * stride_cm + n[None, :] * stride_cn
    tl.store(c_ptrs, acc.to(c_ptr.dtype.element_ty), mask=(m[:, None] < M) & (n[None, :] < N))


@triton.jit
def still_mask(
    a_ptr, b_ptr, c_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):
    """The mask of k does not move with the pointers: it masks nothing, and k has to be whole blocks."""
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    k = tl.arange(0, BLOCK_K)
    a_ptrs = a_ptr + m[:, None] * stride_am + k[None, :] * stride_ak
    b_ptrs = b_ptr + k[:, None] * stride_bk + n[None, :] * stride_bn
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for _ in range(0, tl.cdiv(K, BLOCK_K)):
        a = tl.load(a_ptrs, mask=(m[:, None] < M) & (k[None, :] < K), other=0.0)
        b = tl.load(b_ptrs, mask=(k[:, None] < K) & (n[None, :] < N), other=0.0)
        acc += tl.dot(a, b)
        a_ptrs += BLOCK_K * stride_ak
        b_ptrs += BLOCK_K * stride_bk
    c_ptrs = c_ptr + m[:, None] * stride_cm + n[None, :] * stride_cn
    tl.store(c_ptrs, acc.to(c_ptr.dtype.element_ty), mask=(m[:, None] < M) & (n[None, :] < N))


@triton.jit
def prefetched(
    a_ptr, b_ptr, c_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, FIRST: tl.constexpr, GUARDED: tl.constexpr,
):
    """Each step reads the tiles of the next, if FIRST is 1; the last product stands after the loop."""
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    k = tl.arange(0, BLOCK_K)
    a_ptrs = a_ptr + m[:, None] * stride_am + k[None, :] * stride_ak
    b_ptrs = b_ptr + k[:, None] * stride_bk + n[None, :] * stride_bn
    m_mask = m[:, None] < M
    n_mask = n[None, :] < N
    a = tl.load(a_ptrs, mask=m_mask & (k[None, :] < K), other=0.0)
    b = tl.load(b_ptrs, mask=(k[:, None] < K) & n_mask, other=0.0)
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for step in range(FIRST, tl.cdiv(K, BLOCK_K)):
        acc = tl.dot(a, b, acc)
        left = K - step * BLOCK_K
        a = tl.load(a_ptrs + step * BLOCK_K * stride_ak, mask=m_mask & (k[None, :] < left), other=0.0)
        b = tl.load(b_ptrs + step * BLOCK_K * stride_bk, mask=(k[:, None] < left) & n_mask, other=0.0)
    if GUARDED:
        if tl.cdiv(K, BLOCK_K) > 0:
            acc += tl.dot(a, b)
    else:
        acc += tl.dot(a, b)
    c_ptrs = c_ptr + m[:, None] * stride_cm + n[None, :] * stride_cn
    tl.store(c_ptrs, acc.to(c_ptr.dtype.element_ty), mask=m_mask & n_mask)


@triton.jit
def two_ahead(
    a_ptr, b_ptr, c_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):
    """Tiles are read two steps before they are used; beyond k nothing is."""
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    k = tl.arange(0, BLOCK_K)
    m_mask = m[:, None] < M
    n_mask = n[None, :] < N
    a_ptrs = a_ptr + m[:, None] * stride_am + k[None, :] * stride_ak
    b_ptrs = b_ptr + k[:, None] * stride_bk + n[None, :] * stride_bn
    a = tl.load(a_ptrs, mask=m_mask & (k[None, :] < K), other=0.0)
    b = tl.load(b_ptrs, mask=(k[:, None] < K) & n_mask, other=0.0)
    a_next = tl.load(a_ptrs + BLOCK_K * stride_ak, mask=m_mask & (k[None, :] < K - BLOCK_K), other=0.0)
    b_next = tl.load(b_ptrs + BLOCK_K * stride_bk, mask=(k[:, None] < K - BLOCK_K) & n_mask, other=0.0)
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for start in range(0, K, BLOCK_K):
        acc += tl.dot(a, b)
        a, b = a_next, b_next
        far = start + 2 * BLOCK_K + k
        a_next = tl.load(a_ptrs + (start + 2 * BLOCK_K) * stride_ak, mask=m_mask & (far[None, :] < K), other=0.0)
        b_next = tl.load(b_ptrs + (start + 2 * BLOCK_K) * stride_bk, mask=(far[:, None] < K) & n_mask, other=0.0)
    c_ptrs = c_ptr + m[:, None] * stride_cm + n[None, :] * stride_cn
    tl.store(c_ptrs, acc.to(c_ptr.dtype.element_ty), mask=m_mask & n_mask)


@triton.jit
def masked_tail(
    a_ptr, b_ptr, c_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GUARD: tl.constexpr,
):
    """Whole blocks of k without a mask, then what is left of it with one."""
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    k = tl.arange(0, BLOCK_K)
    m_mask = m[:, None] < M
    n_mask = n[None, :] < N
    a_ptrs = a_ptr + m[:, None] * stride_am + k[None, :] * stride_ak
    b_ptrs = b_ptr + k[:, None] * stride_bk + n[None, :] * stride_bn
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for _ in range(0, K // BLOCK_K):
        acc += tl.dot(tl.load(a_ptrs, mask=m_mask, other=0.0), tl.load(b_ptrs, mask=n_mask, other=0.0))
        a_ptrs += BLOCK_K * stride_ak
        b_ptrs += BLOCK_K * stride_bk
    whole = K // BLOCK_K * BLOCK_K
    if GUARD == "remainder":
        if K % BLOCK_K != 0:
            left = K % BLOCK_K
            a = tl.load(a_ptrs, mask=m_mask & (k[None, :] < left), other=0.0)
            b = tl.load(b_ptrs, mask=(k[:, None] < left) & n_mask, other=0.0)
            acc += tl.dot(a, b)
    elif GUARD == "comparison" or GUARD == "another":
        if whole < (K if GUARD == "comparison" else M):
            a = tl.load(a_ptrs, mask=m_mask & (whole + k[None, :] < K), other=0.0)
            b = tl.load(b_ptrs, mask=(whole + k[:, None] < K) & n_mask, other=0.0)
            acc += tl.dot(a, b)
    else:
        a = tl.load(a_ptrs, mask=m_mask & (k[None, :] < K - whole), other=0.0)
        b = tl.load(b_ptrs, mask=(k[:, None] < K - whole) & n_mask, other=0.0)
        acc += tl.dot(a, b)
    c_ptrs = c_ptr + m[:, None] * stride_cm + n[None, :] * stride_cn
    tl.store(c_ptrs, acc.to(c_ptr.dtype.element_ty), mask=m_mask & n_mask)


@triton.jit
def first_apart(
    a_ptr, b_ptr, c_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):
    """The first product starts the sum."""
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    k = tl.arange(0, BLOCK_K)
    a_ptrs = a_ptr + m[:, None] * stride_am + k[None, :] * stride_ak
    b_ptrs = b_ptr + k[:, None] * stride_bk + n[None, :] * stride_bn
    a = tl.load(a_ptrs, mask=(m[:, None] < M) & (k[None, :] < K), other=0.0)
    b = tl.load(b_ptrs, mask=(k[:, None] < K) & (n[None, :] < N), other=0.0)
    acc = tl.dot(a, b)
    for step in range(1, tl.cdiv(K, BLOCK_K)):
        a_ptrs += BLOCK_K * stride_ak
        b_ptrs += BLOCK_K * stride_bk
        a = tl.load(a_ptrs, mask=(m[:, None] < M) & (k[None, :] < K - step * BLOCK_K), other=0.0)
        b = tl.load(b_ptrs, mask=(k[:, None] < K - step * BLOCK_K) & (n[None, :] < N), other=0.0)
        acc = tl.dot(a, b, acc)
    c_ptrs = c_ptr + m[:, None] * stride_cm + n[None, :] * stride_cn
    tl.store(c_ptrs, acc.to(c_ptr.dtype.element_ty), mask=(m[:, None] < M) & (n[None, :] < N))


@triton.jit
def backwards(
    a_ptr, b_ptr, c_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):
    """The loop counts down what is left; only one operand is masked along k."""
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    k = tl.arange(0, BLOCK_K)
    a_ptrs = a_ptr + m[:, None] * stride_am + k[None, :] * stride_ak
    b_ptrs = b_ptr + k[:, None] * stride_bk + n[None, :] * stride_bn
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for left in range(K, 0, -BLOCK_K):
        left = tl.multiple_of(left, 1)
        a = tl.load(a_ptrs, mask=(m[:, None] < M) & (k[None, :] < left), other=0.0).to(tl.float32)
        b = tl.load(b_ptrs, mask=n[None, :] < N, other=0.0).to(tl.float32)
        acc += tl.dot(a, b)
        a_ptrs += BLOCK_K * stride_ak
        b_ptrs += BLOCK_K * stride_bk
    c_ptrs = c_ptr + m[:, None] * stride_cm + n[None, :] * stride_cn
    tl.store(c_ptrs, acc.to(c_ptr.dtype.element_ty), mask=(m[:, None] < M) & (n[None, :] < N))


@triton.jit
def while_in_part(
    a_ptr, b_ptr, c_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn, parts,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):
    """Split along k: each program goes on until its part, or k, ends."""
    chunk = tl.cdiv(K, parts)
    start = tl.program_id(2) * chunk
    end = min(start + chunk, K)
    if start >= K:
        return
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    k = tl.arange(0, BLOCK_K)
    a_ptrs = a_ptr + m[:, None] * stride_am + (start + k[None, :]) * stride_ak
    b_ptrs = b_ptr + (start + k[:, None]) * stride_bk + n[None, :] * stride_bn
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    while start < end:
        a = tl.load(a_ptrs, mask=(m[:, None] < M) & (start + k[None, :] < end), other=0.0)
        b = tl.load(b_ptrs, mask=(start + k[:, None] < end) & (n[None, :] < N), other=0.0)
        acc += tl.dot(a, b)
        a_ptrs += BLOCK_K * stride_ak
        b_ptrs += BLOCK_K * stride_bk
        start += BLOCK_K
    c_ptrs = c_ptr + m[:, None] * stride_cm + n[None, :] * stride_cn
    tl.atomic_add(c_ptrs, acc, mask=(m[:, None] < M) & (n[None, :] < N))


@triton.jit
def two_a_step(
    a_ptr, b_ptr, c_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):
    """Unrolled by hand: each step of the loop takes two blocks of k."""
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    k = tl.arange(0, BLOCK_K)
    m_mask = m[:, None] < M
    n_mask = n[None, :] < N
    a_ptrs = a_ptr + m[:, None] * stride_am + k[None, :] * stride_ak
    b_ptrs = b_ptr + k[:, None] * stride_bk + n[None, :] * stride_bn
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for start in range(0, K, 2 * BLOCK_K):
        a = tl.load(a_ptrs, mask=m_mask & (k[None, :] < K - start), other=0.0)
        b = tl.load(b_ptrs, mask=(k[:, None] < K - start) & n_mask, other=0.0)
        acc += tl.dot(a, b)
        a_ptrs += BLOCK_K * stride_ak
        b_ptrs += BLOCK_K * stride_bk
        left = K - start - BLOCK_K
        a = tl.load(a_ptrs, mask=m_mask & (k[None, :] < left), other=0.0)
        b = tl.load(b_ptrs, mask=(k[:, None] < left) & n_mask, other=0.0)
        acc += tl.dot(a, b)
        a_ptrs += BLOCK_K * stride_ak
        b_ptrs += BLOCK_K * stride_bk
    c_ptrs = c_ptr + m[:, None] * stride_cm + n[None, :] * stride_cn
    tl.store(c_ptrs, acc.to(c_ptr.dtype.element_ty), mask=m_mask & n_mask)


@triton.jit
def unrolled(
    a_ptr, b_ptr, c_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, STEPS: tl.constexpr,
):
    """The compiler unrolls the loop: no loop is left."""
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for step in tl.static_range(STEPS):
        k = step * BLOCK_K + tl.arange(0, BLOCK_K)
        a_ptrs = a_ptr + m[:, None] * stride_am + k[None, :] * stride_ak
        b_ptrs = b_ptr + k[:, None] * stride_bk + n[None, :] * stride_bn
        a = tl.load(a_ptrs, mask=(m[:, None] < M) & (k[None, :] < K), other=0.0)
        b = tl.load(b_ptrs, mask=(k[:, None] < K) & (n[None, :] < N), other=0.0)
        acc = tl.dot(a, b, acc)
    c_ptrs = c_ptr + m[:, None] * stride_cm + n[None, :] * stride_cn
    tl.store(c_ptrs, acc.to(c_ptr.dtype.element_ty), mask=(m[:, None] < M) & (n[None, :] < N))


@triton.jit
def remainder_loop(
    a_ptr, b_ptr, c_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr,
):
    """A loop over whole blocks without masks, then one over what is left with them."""
    m = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    n = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    k = tl.arange(0, BLOCK_K)
    m_mask = m[:, None] < M
    n_mask = n[None, :] < N
    a_ptrs = a_ptr + m[:, None] * stride_am + k[None, :] * stride_ak
    b_ptrs = b_ptr + k[:, None] * stride_bk + n[None, :] * stride_bn
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    whole = K // BLOCK_K * BLOCK_K
    for start in range(0, whole, BLOCK_K):
        a = tl.load(a_ptrs + start * stride_ak, mask=m_mask, other=0.0)
        b = tl.load(b_ptrs + start * stride_bk, mask=n_mask, other=0.0)
        acc += tl.dot(a, b)
    for start in range(whole, K, BLOCK_K):
        a = tl.load(a_ptrs + start * stride_ak, mask=m_mask & (k[None, :] < K - start), other=0.0)
        b = tl.load(b_ptrs + start * stride_bk, mask=(k[:, None] < K - start) & n_mask, other=0.0)
        acc += tl.dot(a, b)
    c_ptrs = c_ptr + m[:, None] * stride_cm + n[None, :] * stride_cn
    tl.store(c_ptrs, acc.to(c_ptr.dtype.element_ty), mask=m_mask & n_mask)


@triton.jit
def masked_where_needed(
    a_ptr, b_ptr, c_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, LAST: tl.constexpr,
):
    """Masks along k where k is no whole blocks, or in the last step alone; columns go to and fro."""
    columns = tl.cdiv(N, BLOCK_N)
    pid = tl.program_id(0)
    pid_m = pid // columns
    pid_n = pid % columns
    pid_n = tl.where(pid_m % 2 == 0, pid_n, columns - 1 - pid_n)
    m = pid_m * BLOCK_M + tl.arange(0, BLOCK_M)
    n = pid_n * BLOCK_N + tl.arange(0, BLOCK_N)
    k = tl.arange(0, BLOCK_K)
    m_mask = m[:, None] < M
    n_mask = n[None, :] < N
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    steps = tl.cdiv(K, BLOCK_K)
    for step in range(0, steps):
        a_ptrs = a_ptr + m[:, None] * stride_am + (step * BLOCK_K + k[None, :]) * stride_ak
        b_ptrs = b_ptr + (step * BLOCK_K + k[:, None]) * stride_bk + n[None, :] * stride_bn
        if step < steps - 1 if LAST else K % BLOCK_K == 0:
            a = tl.load(a_ptrs, mask=m_mask, other=0.0)
            b = tl.load(b_ptrs, mask=n_mask, other=0.0)
        else:
            a = tl.load(a_ptrs, mask=m_mask & (step * BLOCK_K + k[None, :] < K), other=0.0)
            b = tl.load(b_ptrs, mask=(step * BLOCK_K + k[:, None] < K) & n_mask, other=0.0)
        if step < steps:
            acc += tl.dot(a, b)
    c_ptrs = c_ptr + m[:, None] * stride_cm + n[None, :] * stride_cn
    tl.store(c_ptrs, acc.to(c_ptr.dtype.element_ty), mask=m_mask & n_mask)
