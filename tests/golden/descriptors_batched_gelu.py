import torch
import triton
import triton.language as tl
from triton.tools.tensor_descriptor import TensorDescriptor


@triton.jit
def bmm_kernel_pack(
    x_ptr, packed_ptr,
    rows, columns,
    stride_batch, stride_row, stride_column, stride_packed,
    BLOCK: tl.constexpr,
):
    """packed[row, column] = x[row, column], columns contiguous and zeros after the last one."""
    pid = tl.program_id(0)
    tiles = tl.cdiv(columns, BLOCK)
    strips = tl.cdiv(rows, BLOCK)
    batch = tl.cast(pid // tiles // strips, tl.int64)
    x_ptr += batch * stride_batch
    packed_ptr += batch * rows * stride_packed
    # 64-bit offsets: a tensor may hold more than 2**31 elements.
    offs_row = tl.cast(pid // tiles % strips, tl.int64) * BLOCK + tl.arange(0, BLOCK)
    offs_column = tl.cast(pid % tiles, tl.int64) * BLOCK + tl.arange(0, BLOCK)
    mask_row = (offs_row < rows)[:, None]
    x = tl.load(
        x_ptr + offs_row[:, None] * stride_row + offs_column[None, :] * stride_column,
        mask=mask_row & (offs_column < columns)[None, :],
        other=0,
    )
    packed_ptrs = packed_ptr + offs_row[:, None] * stride_packed + offs_column[None, :]
    tl.store(packed_ptrs, x, mask=mask_row & (offs_column < stride_packed)[None, :])


@triton.jit
def bmm_kernel(
    a_desc, b_desc, bias_ptr, out_ptr, M, N, K,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GROUP_M: tl.constexpr,
):
    """C = A.T @ B.T.

    What changed, and why, stands here.
    """
    pid = tl.program_id(0)
    tiles_m = tl.cdiv(M, BLOCK_M)
    tiles_n = tl.cdiv(N, BLOCK_N)
    tile = pid % (tiles_m * tiles_n)
    batch = tl.cast(pid // (tiles_m * tiles_n), tl.int64)
    # Groups of GROUP_M tile rows: programs that run together share rows of A and columns of B in L2.
    group_size = GROUP_M * tiles_n
    first_m = tile // group_size * GROUP_M
    group_rows = min(tiles_m - first_m, GROUP_M)
    pid_m = first_m + tile % group_size % group_rows
    pid_n = tile % group_size // group_rows

    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for k in range(0, K, BLOCK_K):
        a = a_desc.load([batch.to(tl.int32), pid_m * BLOCK_M, k]).reshape(BLOCK_M, BLOCK_K)
        b = b_desc.load([pid_n * BLOCK_N, k]).T
        acc = tl.dot(a, b, acc, input_precision="tf32")

    # 64-bit offsets: a tensor may hold more than 2**31 elements.
    offs_m = tl.cast(pid_m, tl.int64) * BLOCK_M + tl.arange(0, BLOCK_M)
    mask_m = offs_m < M
    # In quarters: for all sums at once the values computed below would take too many registers.
    left, right = tl.split(acc.reshape(BLOCK_M, 2, BLOCK_N // 2).permute(0, 2, 1))
    quarter_0, quarter_1 = tl.split(left.reshape(BLOCK_M, 2, BLOCK_N // 4).permute(0, 2, 1))
    quarter_2, quarter_3 = tl.split(right.reshape(BLOCK_M, 2, BLOCK_N // 4).permute(0, 2, 1))
    parts = (quarter_0, quarter_1, quarter_2, quarter_3)
    for part in tl.static_range(4):
        acc_part = parts[part]
        offs_part = (
            tl.cast(pid_n, tl.int64) * BLOCK_N
            + part * (BLOCK_N // 4)
            + tl.arange(0, BLOCK_N // 4)
        )
        mask_part = offs_part < N
        bias = tl.load(bias_ptr + offs_part, mask=mask_part, other=0.0)[None, :]
        x = acc_part + bias
        out = x * 0.5 * (1.0 + tl.erf(x * 0.70710677))
        out_ptrs = out_ptr + batch * M * N + offs_m[:, None] * N + offs_part[None, :]
        tl.store(
            out_ptrs,
            out.to(out_ptr.dtype.element_ty),
            mask=mask_m[:, None] & mask_part[None, :],
        )


def bmm_kernel_operand(x, shape, strides, block):
    """A descriptor of x, its last axis contiguous: of x itself where it lies so, else of a copy."""
    *batch, rows, columns = shape
    sizes = [max(size, 1) for size in shape]  # nothing at all has no descriptor
    per_16_bytes = 16 // x.element_size()
    whole_rows = all(stride >= columns and stride % per_16_bytes == 0 for stride in strides[:-1])
    if strides[-1] != 1 or not whole_rows or x.data_ptr() % 16 != 0 or 0 in shape:
        stride = triton.cdiv(sizes[-1], 16) * 16
        packed = torch.empty((*sizes[:-1], stride), device=x.device, dtype=x.dtype)
        programs = triton.cdiv(rows, 64) * triton.cdiv(columns, 64) * (batch[0] if batch else 1)
        bmm_kernel_pack[(programs,)](
            x, packed, rows, columns,
            strides[0] if batch else 0, strides[-2], strides[-1], stride, BLOCK=64, num_warps=4,
        )
        x, strides = packed, packed.stride()
    return TensorDescriptor(x, sizes, strides, block)


def bmm(x, w, bias):
    batch, rows, depth = x.shape
    out = torch.empty((batch, rows, w.shape[1]), device=x.device, dtype=x.dtype)
    a_desc = bmm_kernel_operand(
        x.detach(), [batch, rows, depth], [x.stride(0), x.stride(1), 1], [1, 128, 32],
    )
    b_desc = bmm_kernel_operand(w, [w.shape[1], depth], [w.stride(1), w.stride(0)], [256, 32])
    grid = lambda META: (
        triton.cdiv(rows, META["BLOCK_M"]) * triton.cdiv(w.shape[1], META["BLOCK_N"]) * batch,
    )
    bmm_kernel[grid](
        a_desc, b_desc, bias, out, rows, w.shape[1], depth,
        BLOCK_M=128, BLOCK_N=256, BLOCK_K=32, GROUP_M=16, num_warps=8, num_stages=4,
    )
    return out


class ModelNew(torch.nn.Module):
    def forward(self, x, w, bias):
        return bmm(x, w, bias)
