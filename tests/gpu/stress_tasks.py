"""Four small tasks, each with an original, honest variants of it, and wrong ones."""

from __future__ import annotations

import itertools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

Shapes = tuple[tuple[int, ...], ...]
Edit = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Task:
    """One original and what may be asked of it."""

    name: str
    original: str
    reference: str
    """A KernelBench file's ``Model``, the oracle."""
    small: tuple[Shapes, ...]
    """Shapes of the inputs of each problem, for the interpreter."""
    large: tuple[Shapes, ...]
    """The same for a GPU."""
    honest: Mapping[str, str] = field(default_factory=dict)
    """Words that describe a variant, to its text."""
    wrong: Mapping[str, str] = field(default_factory=dict)


HEAD = """import torch
import triton
import triton.language as tl


"""

MATMUL_KERNEL = """@triton.jit
def matmul_kernel(
    a_ptr, b_ptr, c_ptr, M, N, K, stride_am, stride_ak, stride_bk, stride_bn, stride_cm, stride_cn,
    BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr, GROUP_M: tl.constexpr,
):
    pid = tl.program_id(0)
    programs_n = tl.cdiv(N, BLOCK_N)
    group = pid // (GROUP_M * programs_n)
    first_m = group * GROUP_M
    rows = tl.minimum(tl.cdiv(M, BLOCK_M) - first_m, GROUP_M)
    pid_m = first_m + (pid % (GROUP_M * programs_n)) % rows
    pid_n = (pid % (GROUP_M * programs_n)) // rows
    offs_m = pid_m * BLOCK_M + tl.arange(0, BLOCK_M)
    offs_n = pid_n * BLOCK_N + tl.arange(0, BLOCK_N)
    offs_k = tl.arange(0, BLOCK_K)
    acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for k in range(0, tl.cdiv(K, BLOCK_K)):
        left = offs_k < K - k * BLOCK_K
        a_at = a_ptr + offs_m[:, None] * stride_am + (k * BLOCK_K + offs_k)[None, :] * stride_ak
        b_at = b_ptr + (k * BLOCK_K + offs_k)[:, None] * stride_bk + offs_n[None, :] * stride_bn
        a = tl.load(a_at, mask=(offs_m[:, None] < M) & left[None, :], other=0.0)
        b = tl.load(b_at, mask=left[:, None] & (offs_n[None, :] < N), other=0.0)
        acc += tl.dot(a, b, input_precision="ieee")
    c_at = c_ptr + offs_m[:, None] * stride_cm + offs_n[None, :] * stride_cn
    tl.store(c_at, acc, mask=(offs_m[:, None] < M) & (offs_n[None, :] < N))
"""
MATMUL_MODEL = """

class ModelNew(torch.nn.Module):
    def forward(self, A, B):
        A, B = A.contiguous(), B.contiguous()
        M, K = A.shape
        N = B.shape[1]
        C = torch.empty((M, N), device=A.device, dtype=A.dtype)
        grid = (triton.cdiv(M, TILE_M) * triton.cdiv(N, TILE_N),)
        matmul_kernel[grid](
            A, B, C, M, N, K, *A.stride(), *B.stride(), *C.stride(),
            BLOCK_M=TILE_M, BLOCK_N=TILE_N, BLOCK_K=TILE_K, GROUP_M=ROWS,
        )
        return C
"""
MATMUL_WRONG: dict[str, tuple[Edit, ...]] = {
    "output of zeros": (("return C", "return torch.zeros_like(C)"),),
    "accumulates in float16": (
        ('acc += tl.dot(a, b, input_precision="ieee")', 'acc = (acc + tl.dot(a, b)).to(tl.float16).to(tl.float32)'),
    ),
    "operands through bfloat16": (("tl.dot(a, b, input", "tl.dot(a.to(tl.bfloat16), b.to(tl.bfloat16), input"),),
    "forgets the end of K": (("range(0, tl.cdiv(K, BLOCK_K))", "range(0, K // BLOCK_K)"),),
    "last column unwritten": (("(offs_n[None, :] < N))\n", "(offs_n[None, :] < N - 1))\n"),),
    "no program for the ragged edge": (("triton.cdiv(M, TILE_M) *", "(M // TILE_M) *"),),
    "output strides swapped": (("*C.stride()", "*C.T.stride()"),),
    "no mask along K": (("(offs_m[:, None] < M) & left[None, :]", "(offs_m[:, None] < M)"),),
    "wrong stride of B": (("*B.stride()", "B.stride(0) - 1, B.stride(1)"),),
    "scaled by one part in 200": (("tl.store(c_at, acc,", "tl.store(c_at, acc * 1.005,"),),
    "remembers its first answer": (
        ("return C", "return matmul_kernel.__dict__.setdefault(('seen', tuple(C.shape)), C)"),
    ),
    "changes its input": (("return C", "A.mul_(1.01)\n        return C"),),
    "float64 output": (("return C", "return C.double()"),),
    "transposed shape": (("return C", "return C.T"),),
    "NaN becomes zero": (("acc += tl.dot(a, b,", "acc += tl.dot(tl.where(a == a, a, 0.0), b,"),),
    "a row of a tile twice": (("c_ptr + offs_m[:, None]", "c_ptr + (offs_m - offs_m % 2)[:, None]"),),
    "starts at one": (
        ("acc = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)",
         "acc = tl.full((BLOCK_M, BLOCK_N), 1.0, dtype=tl.float32)"),
    ),
    "raises": (("return C", "raise RuntimeError('out of ideas')"),),
    "groups of rows lose the last": (("rows = tl.minimum(tl.cdiv(M, BLOCK_M) - first_m, GROUP_M)",
                                      "rows = GROUP_M"),),
}  # fmt: skip

BLEND_KERNEL = """@triton.jit
def blend_kernel(x_ptr, y_ptr, z_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    y = tl.load(y_ptr + offsets, mask=mask)
    z = x * y + tl.maximum(x, 0.0)
    tl.store(z_ptr + offsets, z, mask=mask)
"""
BLEND_LOOP = """@triton.jit
def blend_kernel(x_ptr, y_ptr, z_ptr, n, BLOCK: tl.constexpr):
    for start in range(tl.program_id(0) * BLOCK, n, tl.num_programs(0) * BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        mask = offsets < n
        x = tl.load(x_ptr + offsets, mask=mask)
        y = tl.load(y_ptr + offsets, mask=mask)
        z = x * y + tl.maximum(x, 0.0)
        tl.store(z_ptr + offsets, z, mask=mask)
"""
BLEND_MODEL = """

class ModelNew(torch.nn.Module):
    def forward(self, x, y):
        x, y = x.contiguous(), y.contiguous()
        z = torch.empty_like(x)
        n = x.numel()
        blend_kernel[(PROGRAMS,)](x, y, z, n, BLOCK=SIZE)
        return z
"""
BLEND_WRONG: dict[str, tuple[Edit, ...]] = {
    "output of zeros": (("return z", "return torch.zeros_like(z)"),),
    "last element unwritten": (("tl.store(z_ptr + offsets, z, mask=mask)",
                                "tl.store(z_ptr + offsets, z, mask=offsets < n - 1)"),),
    "grid for twice the block": (("triton.cdiv(n, SIZE)", "triton.cdiv(n, 2 * SIZE)"),),
    "through float16": (("z = x * y + tl.maximum(x, 0.0)",
                         "z = (x.to(tl.float16) * y.to(tl.float16)).to(tl.float32) + tl.maximum(x, 0.0)"),),
    "not clamped": (("tl.maximum(x, 0.0)", "x"),),
    "only clamped": (("x * y + tl.maximum(x, 0.0)", "tl.maximum(x, 0.0)"),),
    "remembers its first answer": (
        ("return z", "return blend_kernel.__dict__.setdefault(('seen', tuple(z.shape)), z)"),
    ),
    "changes its input": (("return z", "y.add_(1.0)\n        return z"),),
    "answers in its input": (("z = torch.empty_like(x)", "z = x"),),
    "flat output": (("return z", "return z.reshape(-1)"),),
    "two outputs": (("return z", "return z, z"),),
    "half output": (("return z", "return z.half()"),),
    "NaN becomes zero": (("tl.store(z_ptr + offsets, z,", "tl.store(z_ptr + offsets, tl.where(z == z, z, 0.0),"),),
    "Inf becomes large": (("tl.store(z_ptr + offsets, z,", "tl.store(z_ptr + offsets, tl.minimum(z, 3e38),"),),
    "neighbours swapped": (("tl.store(z_ptr + offsets, z, mask=mask)",
                            "tl.store(z_ptr + (offsets ^ 1), z, mask=mask & ((offsets ^ 1) < n))"),),
    "right for small values only": (("tl.store(z_ptr + offsets, z,",
                                     "tl.store(z_ptr + offsets, tl.where(tl.abs(z) > 1000.0, 1000.0, z),"),),
    "right on the first call only": (
        ("return z", "self.calls = getattr(self, 'calls', 0) + 1\n        return z if self.calls < 2 else z + 1e-3"),
    ),
    "no such name": (("return z", "return zz"),),
    "syntax error": (("z = torch.empty_like(x)", "z = = torch.empty_like(x)"),),
}  # fmt: skip

SOFTMAX_KERNEL = """@triton.jit
def softmax_kernel(x_ptr, y_ptr, cols, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    offsets = tl.arange(0, BLOCK)
    mask = offsets < cols
    x = tl.load(x_ptr + row * cols + offsets, mask=mask, other=-float("inf"))
    e = tl.exp(x - tl.max(x, axis=0))
    tl.store(y_ptr + row * cols + offsets, e / tl.sum(e, axis=0), mask=mask)
"""
SOFTMAX_LOOPS = """@triton.jit
def softmax_kernel(x_ptr, y_ptr, cols, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    lane = tl.arange(0, BLOCK)
    top = tl.full((BLOCK,), -float("inf"), tl.float32)
    for start in range(0, cols, BLOCK):
        x = tl.load(x_ptr + row * cols + start + lane, mask=start + lane < cols, other=-float("inf"))
        top = tl.maximum(top, x, propagate_nan=tl.PropagateNan.ALL)
    highest = tl.max(top, axis=0)
    total = tl.zeros((BLOCK,), tl.float32)
    for start in range(0, cols, BLOCK):
        x = tl.load(x_ptr + row * cols + start + lane, mask=start + lane < cols, other=-float("inf"))
        total += tl.exp(x - highest)
    below = tl.sum(total, axis=0)
    for start in range(0, cols, BLOCK):
        mask = start + lane < cols
        x = tl.load(x_ptr + row * cols + start + lane, mask=mask, other=-float("inf"))
        tl.store(y_ptr + row * cols + start + lane, tl.exp(x - highest) / below, mask=mask)
"""
SOFTMAX_MODEL = """

class ModelNew(torch.nn.Module):
    def forward(self, x):
        x = x.contiguous()
        y = torch.empty_like(x)
        rows, cols = x.shape
        softmax_kernel[(rows,)](x, y, cols, BLOCK=SIZE, num_warps=WARPS)
        return y
"""
SOFTMAX_WRONG: dict[str, tuple[Edit, ...]] = {
    "output of zeros": (("return y", "return torch.zeros_like(y)"),),
    "uniform": (("return y", "return torch.full_like(y, 1.0 / cols)"),),
    "does not subtract the largest": (("tl.exp(x - tl.max(x, axis=0))", "tl.exp(x)"),),
    "padding counts": (('other=-float("inf"))\n    e', "other=0.0)\n    e"),),
    "not divided": (("e / tl.sum(e, axis=0)", "e"),),
    "last row missing": (("[(rows,)]", "[(rows - 1,)]"),),
    "rows overlap": (("y_ptr + row * cols + offsets", "y_ptr + row * (cols - 1) + offsets"),),
    "columns beyond the block": (("BLOCK=SIZE,", "BLOCK=max(2, SIZE // 2),"),),
    "base two": (("tl.exp(", "tl.exp2("),),
    "a little off": (("e / tl.sum(e, axis=0)", "e / (tl.sum(e, axis=0) + 0.01)"),),
    "over columns": (("x = x.contiguous()", "x = x.T.contiguous()"),
                     ("return y", "return y.T.contiguous()")),
    "logarithm": (("e / tl.sum(e, axis=0)", "tl.log(e / tl.sum(e, axis=0))"),),
    "through float16": (("e = tl.exp(x - tl.max(x, axis=0))",
                         "e = tl.exp(x - tl.max(x, axis=0)).to(tl.float16).to(tl.float32)"),),
    "remembers its first answer": (
        ("return y", "return softmax_kernel.__dict__.setdefault(('seen', tuple(y.shape)), y)"),
    ),
    "changes its input": (("x = x.contiguous()\n        y = torch.empty_like(x)", "y = x"),),
    "returns a list too many": (("return y", "return [y, x]"),),
    "last column unwritten": (("axis=0), mask=mask)", "axis=0), mask=offsets < cols - 1)"),),
    "asks for a block that is no power of two": (("BLOCK=SIZE,", "BLOCK=SIZE + 1,"),),
    "exits with an error": (("return y", "raise SystemError('no')"),),
}  # fmt: skip

REDUCE_KERNEL = """@triton.jit
def squares_kernel(x_ptr, y_ptr, rows, cols, ROWS: tl.constexpr, BLOCK: tl.constexpr):
    row = tl.program_id(0) * ROWS + tl.arange(0, ROWS)
    lane = tl.arange(0, BLOCK)
    total = tl.zeros((ROWS, BLOCK), tl.float32)
    for start in range(0, cols, BLOCK):
        mask = (row[:, None] < rows) & (start + lane[None, :] < cols)
        x = tl.load(x_ptr + row[:, None] * cols + start + lane[None, :], mask=mask, other=0.0)
        total += x * x
    tl.store(y_ptr + row, tl.sum(total, axis=1), mask=row < rows)
"""
REDUCE_MODEL = """

class ModelNew(torch.nn.Module):
    def forward(self, x):
        x = x.contiguous()
        rows, cols = x.shape
        y = torch.empty((rows,), device=x.device, dtype=x.dtype)
        squares_kernel[(triton.cdiv(rows, TILE_ROWS),)](x, y, rows, cols, ROWS=TILE_ROWS, BLOCK=SIZE)
        return y
"""
REDUCE_WRONG: dict[str, tuple[Edit, ...]] = {
    "output of zeros": (("return y", "return torch.zeros_like(y)"),),
    "sum without squares": (("total += x * x", "total += x"),),
    "mean": (("tl.sum(total, axis=1)", "tl.sum(total, axis=1) / cols"),),
    "no mask over columns": (("(row[:, None] < rows) & (start + lane[None, :] < cols)", "row[:, None] < rows"),),
    "first block only": (("range(0, cols, BLOCK)", "range(0, BLOCK, BLOCK)"),),
    "last block missing": (("range(0, cols, BLOCK)", "range(0, cols - BLOCK + 1, BLOCK)"),),
    "float16 total": (("total += x * x", "total = (total + x * x).to(tl.float16).to(tl.float32)"),),
    "output not stored for the last row": (("mask=row < rows)", "mask=row < rows - 1)"),),
    "too few programs": (("triton.cdiv(rows, TILE_ROWS)", "max(1, rows // TILE_ROWS)"),),
    "adds to what was there": (("tl.store(y_ptr + row,", "tl.atomic_add(y_ptr + row,"),),
    "keeps a dimension": (("return y", "return y[:, None]"),),
    "remembers its first answer": (
        ("return y", "return squares_kernel.__dict__.setdefault(('seen', tuple(y.shape)), y)"),
    ),
    "wrong stride": (("row[:, None] * cols", "row[:, None] * (cols + 1)"),),
    "absolute values": (("total += x * x", "total += tl.abs(x)"),),
    "rooted": (("tl.sum(total, axis=1)", "tl.sqrt(tl.sum(total, axis=1))"),),
    "clamped": (("total += x * x", "total += tl.minimum(x * x, 4.0)"),),
    "float64 output": (("dtype=x.dtype", "dtype=torch.float64"),),
    "changes its input": (("return y", "x.zero_()\n        return y"),),
    "largest instead of sum": (("tl.sum(total, axis=1)", "tl.max(total, axis=1)"),),
}  # fmt: skip

REFERENCE = """import torch


class Model(torch.nn.Module):
    def forward(self, {arguments}):
        return {expression}
"""


def edited(text: str, *edits: Edit) -> str:
    """``text`` with each old part, which must be there, replaced."""
    for old, new in edits:
        if old not in text:
            raise ValueError(f"no {old!r} in the text")
        text = text.replace(old, new)
    return text


def _filled(text: str, values: Mapping[str, object]) -> str:
    for name, value in values.items():
        text = text.replace(name, str(value))
    return text


def _wrong(
    template: str, values: Mapping[str, Mapping[str, object]], edits: Mapping[str, tuple[Edit, ...]]
) -> dict[str, str]:
    """Each edit of the template, filled with one of ``values`` in turn."""
    turns = itertools.cycle(values.items())
    result = {}
    for name, pairs in edits.items():
        words, filling = next(turns)
        result[f"{name} ({words})"] = _filled(edited(template, *pairs), filling)
    return result


def _matmul() -> Task:
    template = HEAD + MATMUL_KERNEL + MATMUL_MODEL

    def values(m: int, n: int, k: int, group: int) -> dict[str, object]:
        return {"TILE_M": m, "TILE_N": n, "TILE_K": k, "ROWS": group}

    # a group of 3 rows meets a last group of fewer
    tiles = [*itertools.product((16, 32), (16, 32), (16, 32), (1, 3))][:15]
    tiles += [(64, 32, 16, 8), (16, 64, 32, 2), (32, 64, 16, 3), (64, 16, 32, 1)]
    honest = {f"{m}x{n}x{k} group {g}": _filled(template, values(m, n, k, g)) for m, n, k, g in tiles}
    grouped = {"16x16x16 group 2": values(16, 16, 16, 2), "16x32x16 group 2": values(16, 32, 16, 2)}
    return Task(
        name="matmul",
        original=_filled(template, values(32, 32, 32, 1)),
        reference=REFERENCE.format(arguments="A, B", expression="A @ B"),
        small=(((45, 37), (37, 39)), ((32, 16), (16, 48))),
        large=(((201, 131), (131, 155)), ((128, 64), (64, 96))),
        honest=honest,
        wrong=_wrong(template, grouped, MATMUL_WRONG),
    )


def _blend() -> Task:
    def text(size: int, loop: bool = False) -> str:
        sizes = {"PROGRAMS": "min(4, triton.cdiv(n, SIZE))" if loop else "triton.cdiv(n, SIZE)"}
        return HEAD + (BLEND_LOOP if loop else BLEND_KERNEL) + _filled(_filled(BLEND_MODEL, sizes), {"SIZE": size})

    blocks = (16, 32, 64, 128, 256, 512, 1024, 2048, 4096)
    honest = {f"block {size}{' loop' * loop}": text(size, loop) for size in blocks for loop in (False, True)}
    template = HEAD + BLEND_KERNEL + BLEND_MODEL.replace("PROGRAMS", "triton.cdiv(n, SIZE)")
    sizes = {f"block {size}": {"SIZE": size} for size in (32, 64)}
    return Task(
        name="pointwise",
        original=text(64),
        reference=REFERENCE.format(arguments="x, y", expression="x * y + torch.relu(x)"),
        small=(((17, 31), (17, 31)), ((4, 64), (4, 64))),
        large=(((217, 431), (217, 431)), ((64, 256), (64, 256))),
        honest=honest,
        wrong=_wrong(template, sizes, BLEND_WRONG),
    )


def _softmax() -> Task:
    def text(size: str, warps: int, loops: bool) -> str:
        kernel = SOFTMAX_LOOPS if loops else SOFTMAX_KERNEL
        return HEAD + kernel + _filled(SOFTMAX_MODEL, {"SIZE": size, "WARPS": warps})

    whole = "triton.next_power_of_2(cols)"
    honest = {f"whole rows, {warps} warps": text(whole, warps, False) for warps in (1, 2, 4, 8)}
    honest |= {f"whole rows, {k} times the block": text(f"{k} * {whole}", 4, False) for k in (2, 4)}
    honest |= {
        f"loops of {size}, {warps} warps": text(str(size), warps, True)
        for size, warps in itertools.product((16, 32, 64, 128, 256, 512), (4, 8))
    }
    template = HEAD + SOFTMAX_KERNEL + SOFTMAX_MODEL
    wrong = _wrong(template, {"whole rows": {"SIZE": whole, "WARPS": 4}}, SOFTMAX_WRONG)
    return Task(
        name="softmax",
        original=text(whole, 4, False),
        reference=REFERENCE.format(arguments="x", expression="torch.softmax(x, dim=1)"),
        small=(((13, 37),), ((4, 64),)),
        large=(((203, 377),), ((64, 256),)),
        honest=honest,
        wrong=wrong,
    )


def _reduce() -> Task:
    def text(rows: int, size: int) -> str:
        return HEAD + REDUCE_KERNEL + _filled(REDUCE_MODEL, {"TILE_ROWS": rows, "SIZE": size})

    honest = {f"{r} rows by {s}": text(r, s) for r, s in itertools.product((1, 2, 4, 8), (16, 32, 64, 128, 256))}
    base: dict[str, dict[str, object]] = {
        f"{rows} rows by {size}": {"TILE_ROWS": rows, "SIZE": size} for rows, size in ((2, 16), (4, 32))
    }
    return Task(
        name="reduction",
        original=text(1, 32),
        reference=REFERENCE.format(arguments="x", expression="(x * x).sum(dim=1)"),
        small=(((13, 71),), ((4, 64),)),
        large=(((203, 377),), ((64, 256),)),
        honest=honest,
        wrong=_wrong(HEAD + REDUCE_KERNEL + REDUCE_MODEL, base, REDUCE_WRONG),
    )


def tasks() -> Iterator[Task]:
    """All four."""
    yield from (_matmul(), _blend(), _softmax(), _reduce())
