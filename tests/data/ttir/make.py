"""Write the Triton IR files beside this one: ``python make.py PROMPT``.

PROMPT is the reference prompt document; its kernel becomes matmul_tt_f32.ttir, with the arguments that its metrics fit
(M=2048, N=4096, K=8192, float32, contiguous). The other kernels stand here. Source locations are stripped.
"""

import importlib.util
import sys
import tempfile
from pathlib import Path

import triton
import triton.language as tl
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource

from tilewright.compiler.ttir import strip_locations

HERE = Path(__file__).parent


@triton.jit
def add_kernel(x_ptr, y_ptr, out_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    x = tl.load(x_ptr + offsets, mask=mask)
    y = tl.load(y_ptr + offsets, mask=mask)
    tl.store(out_ptr + offsets, x + y, mask=mask)


@triton.jit
def row_sum_kernel(x_ptr, out_ptr, columns, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    total = tl.zeros((BLOCK,), dtype=tl.float32)
    for start in range(0, columns, BLOCK):
        offsets = start + tl.arange(0, BLOCK)
        total += tl.load(x_ptr + row * columns + offsets, mask=offsets < columns, other=0.0)
    tl.store(out_ptr + row, tl.sum(total))


@triton.jit
def persistent_matmul_kernel(
    a_ptr, b_ptr, c_ptr, M, N, K, PROGRAMS: tl.constexpr, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr
):
    tiles_n = tl.cdiv(N, BN)
    for tile in range(tl.program_id(0), tl.cdiv(M, BM) * tiles_n, PROGRAMS):
        rows = (tile // tiles_n) * BM + tl.arange(0, BM)
        cols = (tile % tiles_n) * BN + tl.arange(0, BN)
        acc = tl.zeros((BM, BN), dtype=tl.float32)
        for k in range(0, K, BK):
            ks = k + tl.arange(0, BK)
            a = tl.load(a_ptr + rows[:, None] * K + ks[None, :], mask=(rows[:, None] < M) & (ks[None, :] < K), other=0.0)
            b = tl.load(b_ptr + ks[:, None] * N + cols[None, :], mask=(ks[:, None] < K) & (cols[None, :] < N), other=0.0)
            acc = tl.dot(a, b, acc)
        mask = (rows[:, None] < M) & (cols[None, :] < N)
        tl.store(c_ptr + rows[:, None] * N + cols[None, :], acc.to(c_ptr.dtype.element_ty), mask=mask)


def write(name, kernel, pointers, constants, dtype, ones=()):
    names = kernel.arg_names
    signature, constexprs, attributes = {}, {}, {}
    for i, parameter in enumerate(names):
        if parameter in constants or parameter in ones:
            signature[parameter] = "constexpr"
            constexprs[(i,)] = constants.get(parameter, 1)
            continue
        signature[parameter] = f"*{dtype}" if parameter in pointers else "i32"
        attributes[(i,)] = [["tt.divisibility", 16]]
    source = ASTSource(kernel, signature=signature, constexprs=constexprs, attrs=attributes)
    ttir = triton.compile(source, target=GPUTarget("cuda", 89, 32)).asm["ttir"]
    (HERE / f"{name}.ttir").write_text(strip_locations(ttir))


def prompt_kernel(path):
    code = Path(path).read_text().split("```python")[1].split("```")[0]
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder, "prompt_kernel.py")
        file.write_text(code)
        spec = importlib.util.spec_from_file_location("prompt_kernel", file)
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        tiles = {"BLOCK_SIZE_M": 64, "BLOCK_SIZE_N": 64, "BLOCK_SIZE_K": 64}
        flags = {"USE_TENSOR_CORES": False, "USE_FP32_ACC": True}
        ones = ("stride_am", "stride_bk", "stride_cn")
        write("matmul_tt_f32", module.matmul_kernel, ("a_ptr", "b_ptr", "c_ptr"), {**tiles, **flags}, "fp32", ones)


if __name__ == "__main__":
    abc = ("a_ptr", "b_ptr", "c_ptr")
    write("add_f32", add_kernel, ("x_ptr", "y_ptr", "out_ptr"), {"BLOCK": 1024}, "fp32")
    write("row_sum_f32", row_sum_kernel, ("x_ptr", "out_ptr"), {"BLOCK": 1024}, "fp32")
    small = {"PROGRAMS": 128, "BM": 64, "BN": 64, "BK": 32}
    write("persistent_matmul_f16", persistent_matmul_kernel, abc, small, "fp16")
    prompt_kernel(sys.argv[1])
