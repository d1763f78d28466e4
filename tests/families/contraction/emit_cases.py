"""Contractions built by hand, with the files they belong to, and Triton's interpreter to run those in."""

from __future__ import annotations

import json
import os
import select
import subprocess
import sys
from pathlib import Path

from tilewright.records.algorithm import Accumulated, Apply, Constant, Contraction, Expression, Loaded, Operand, Output
from tilewright.records.launch import Launch, ScalarArgument
from tilewright.records.schedule import Schedule
from tilewright.records.source import KernelSource
from tilewright.records.stage import Stage
from tilewright.records.target import Target
from tilewright.records.trial import Lifted

SUM = Accumulated(dtype="fp32")

PLAIN = """\
import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def helper(x):
    return x


@triton.jit
def matmul_kernel(
    a_ptr, b_ptr, c_ptr,
    M, N, K,
    stride_am, stride_ak,
    stride_bk, stride_bn,
    stride_cm, stride_cn,
    BLOCK_SIZE: tl.constexpr,
    DEBUG: tl.constexpr,
):
    tl.store(c_ptr, helper(tl.load(a_ptr) * tl.load(b_ptr)))


def matmul(A, B):
    K, M = A.shape
    N = B.shape[0]
    C = torch.empty((M, N), device=A.device, dtype=A.dtype)
    # Pick a block size.
    BLOCK_SIZE = 64 if M > 64 else 32
    BLOCK_SIZE = max(16, BLOCK_SIZE)
    grid = (triton.cdiv(M, BLOCK_SIZE), triton.cdiv(N, BLOCK_SIZE))
    matmul_kernel[grid](
        A, B, C, M, N, K, A.stride(1), A.stride(0), B.stride(1), B.stride(0), C.stride(0), C.stride(1),
        BLOCK_SIZE=BLOCK_SIZE, DEBUG=False, num_warps=4,
    )
    return C


class ModelNew(nn.Module):
    def forward(self, A, B):
        return matmul(A, B)
"""
"""C = A.T @ B.T; the kernel's own body does not matter to the emitter."""

BATCHED = """\
import torch
import triton
import triton.language as tl


@triton.jit
def bmm_kernel(x_ptr, w_ptr, bias_ptr, acc, M, N, K, stride_xb, stride_xm, stride_wb, stride_wk, HEADS: tl.constexpr):
    pass


def bmm(x, w, bias):
    batch, heads, rows, depth = x.shape
    columns = w.shape[-1]
    out = torch.empty((batch, heads, rows, columns), device=x.device, dtype=x.dtype)
    bmm_kernel[(batch * heads, 1, 1)](
        x, w, bias, out, rows, columns, depth, x.stride(1), x.stride(2), w.stride(0), w.stride(1), HEADS=heads
    )
    return out


class ModelNew(torch.nn.Module):
    def forward(self, x, w, bias):
        return bmm(x, w, bias)
"""
"""out[b, h] = gelu(x[b, h] @ w[h] + bias), with an awkwardly named output."""


BATCH = """\
import torch
import triton
import triton.language as tl


@triton.jit
def bmm_kernel(x_ptr, w_ptr, bias_ptr, out_ptr, M, N, K, stride_xb, stride_xm, stride_wk, stride_wn):
    pass


def bmm(x, w, bias):
    batch, rows, depth = x.shape
    out = torch.empty((batch, rows, w.shape[1]), device=x.device, dtype=x.dtype)
    bmm_kernel[(batch, 1, 1)](
        x.detach(), w, bias, out, rows, w.shape[1], depth, x.stride(0), x.stride(1), w.stride(0), w.stride(1)
    )
    return out


class ModelNew(torch.nn.Module):
    def forward(self, x, w, bias):
        return bmm(x, w, bias)
"""
"""out[b] = gelu(x[b] @ w + bias): one batch axis, which only one operand has, and an argument that is an expression."""


def laid_out(layout: str) -> str:
    """PLAIN for operands that lie otherwise: ``NT`` computes A @ B.T."""
    text = PLAIN
    if layout[0] == "N":
        text = text.replace("K, M = A.shape", "M, K = A.shape")
        text = text.replace("A.stride(1), A.stride(0)", "A.stride(0), A.stride(1)")
    if layout[1] == "N":
        text = text.replace("N = B.shape[0]", "N = B.shape[1]")
        text = text.replace("B.stride(1), B.stride(0)", "B.stride(0), B.stride(1)")
    return text


def operand(parameter: str, **strides: str) -> Operand:
    return Operand(parameter=parameter, dtype="fp32", strides=strides)


def apply(operation: str, *arguments: Expression, dtype: str = "fp32") -> Apply:
    return Apply(operation=operation, arguments=arguments, dtype=dtype)


def constant(value: float) -> Constant:
    return Constant(value=value, dtype="fp32")


def plain(value: Expression = SUM, **changes: object) -> Contraction:
    fields: dict[str, object] = {
        "kernel": "matmul_kernel",
        "extents": {"m": "M", "n": "N", "k": "K"},
        "batch_axes": (),
        "a": operand("a_ptr", m="stride_am", k="stride_ak"),
        "b": operand("b_ptr", k="stride_bk", n="stride_bn"),
        "accumulator_dtype": "fp32",
        "input_precision": "tf32",
        "outputs": (Output(operand=operand("c_ptr", m="stride_cm", n="stride_cn"), value=value),),
    }
    return Contraction(**{**fields, **changes})  # type: ignore[arg-type]


def gelu(x: Expression) -> Expression:
    inner = apply("add", constant(1.0), apply("erf", apply("mul", x, constant(0.7071067690849304))))
    return apply("mul", apply("mul", x, constant(0.5)), inner)


def batched() -> Contraction:
    biased = apply("add", SUM, Loaded(operand=operand("bias_ptr", n="1")))
    return Contraction(
        kernel="bmm_kernel",
        extents={"m": "M", "n": "N", "k": "K", "b0": "grid_0 // HEADS", "b1": "HEADS"},
        batch_axes=("b0", "b1"),
        a=operand("x_ptr", m="stride_xm", k="1", b1="stride_xb", b0="stride_xb * HEADS"),
        b=operand("w_ptr", k="stride_wk", n="1", b1="stride_wb"),
        accumulator_dtype="fp32",
        input_precision="ieee",
        outputs=(Output(operand=operand("acc", m="N", n="1", b1="M * N", b0="M * N * HEADS"), value=gelu(biased)),),
    )


def one_batch() -> Contraction:
    biased = apply("add", SUM, Loaded(operand=operand("bias_ptr", n="1")))
    return Contraction(
        kernel="bmm_kernel",
        extents={"m": "M", "n": "N", "k": "K", "b0": "grid_0"},
        batch_axes=("b0",),
        a=operand("x_ptr", m="stride_xm", k="1", b0="stride_xb"),
        b=operand("w_ptr", k="stride_wk", n="stride_wn"),
        accumulator_dtype="fp32",
        input_precision="ieee",
        outputs=(Output(operand=operand("out_ptr", m="N", n="1", b0="M * N"), value=gelu(biased)),),
    )


def launch(kernel: str = "matmul_kernel", grid: tuple[int, int, int] = (32, 64, 1), **values: int) -> Launch:
    values = values or {"M": 2048, "N": 4096, "K": 8192, "stride_am": 1, "stride_ak": 2048, "stride_bk": 1,
                        "stride_bn": 8192, "stride_cm": 4096, "stride_cn": 1}  # fmt: skip
    arguments = tuple(ScalarArgument(parameter=name, dtype="i32", value=value) for name, value in values.items())
    return Launch(
        kernel=kernel, ordinal=0, grid=grid, num_warps=4, num_stages=3, num_ctas=1, arguments=arguments, ttir="",
        generic_ttir="", call_line=1,
    )  # fmt: skip


def lifted(algorithm: Contraction | None = None, schedule: Schedule | None = None, **values: int) -> Lifted:
    return Lifted(algorithm=algorithm or plain(), schedule=schedule or Schedule(), launch=launch(**values))


def source(text: str = PLAIN) -> KernelSource:
    return KernelSource(path="kernel.py", text=text, kernels=("matmul_kernel",))


STAGE = Stage(
    name="grid_and_parallel", position=0, focus="", fields=("program_order", "group_m", "split_k", "persistent"),
    tunable=(("block_m", "block_n", "block_k"), ("num_warps", "num_stages")), thresholds=(), guidelines=(),
    safety_rules=(), autotune_rules=(),
)  # fmt: skip

ADA = Target(
    name="ada", title="Ada", architecture="Ada", compute_capability=(8, 9), sm_count=128, boost_clock_mhz=2520,
    dram_gb_per_s=1008, dram_bytes=24 << 30, fp32_tflops=82.6, tf32_tflops=82.6, fp16_tflops=165.2, bf16_tflops=165.2,
    warp_size=32, max_registers_per_thread=255, registers_per_sm=65536, register_allocation_unit=256,
    max_threads_per_block=1024, max_threads_per_sm=1536, max_warps_per_sm=48, max_blocks_per_sm=24,
    shared_bytes_per_sm=102400, shared_bytes_per_block=101376, shared_reserved_bytes_per_block=1024,
    shared_allocation_unit_bytes=128, l2_bytes=72 << 20, l2_bytes_per_clk_per_sm=14.8, l2_latency_cycles=274,
    dram_latency_cycles=625, sources={},
)  # fmt: skip

_RUNNER = """
import importlib.util, json, os, sys, traceback
answers = os.fdopen(os.dup(1), "w")
os.dup2(2, 1)
import torch, triton

def untuned(configs, key, **_):
    def decorate(fn):
        class Tuned:
            def __getitem__(self, grid):
                chosen = configs[-1].kwargs
                return lambda *args, **kwargs: fn[lambda meta: grid({**meta, **chosen})](*args, **{**kwargs, **chosen})
        return Tuned()
    return decorate

def run(path, check):
    spec = importlib.util.spec_from_file_location("emitted", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    exec(check, {"torch": torch, "model": module.ModelNew(), "name": os.path.basename(path)})

triton.autotune = untuned
# ten operations for each sum of integers, whose outcome only debug builds look at
triton.language.semantic.TritonSemantic.binary_op_sanitize_overflow_impl = lambda *_: None
for line in sys.stdin:
    torch.manual_seed(0)
    try:
        for path, check in json.loads(line):
            run(path, check)
        answer = "every check passed"
    except BaseException:
        answer = traceback.format_exc()
    print(json.dumps(answer), file=answers, flush=True)
"""
_LIMIT_S = 300


class Interpreter:
    """Triton's interpreter in a process that stays from test to test, for PyTorch and Triton take seconds to start.

    One in which a check failed, or that does not answer, is ended: it may not be what it was.
    """

    def __init__(self) -> None:
        self._process: subprocess.Popen[str] | None = None

    def __call__(self, cases: list[tuple[Path, str]]) -> None:
        """Run emitted files one after the other; each check is code that asserts with ``model``."""
        process = self._process or self._start()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps([(str(path), check) for path, check in cases]) + "\n")
        process.stdin.flush()
        answered, _, _ = select.select([process.stdout], [], [], _LIMIT_S)
        said = json.loads(process.stdout.readline() or '"the process died"') if answered else "no answer in time"
        if said != "every check passed":
            self.close()
        assert said == "every check passed", said[-3000:]

    def close(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            process.kill()
            process.communicate()

    def _start(self) -> subprocess.Popen[str]:
        self._process = subprocess.Popen(
            [sys.executable, "-c", _RUNNER],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "TRITON_INTERPRET": "1"},
        )
        return self._process
