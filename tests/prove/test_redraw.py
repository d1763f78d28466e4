"""What fails by chance is drawn again, and what fails for a reason still fails."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tilewright.prove import Prover, small_problems
from tilewright.prove.redraw import DRAWS
from tilewright.records.source import KernelSource, TensorSpec
from tilewright.records.verdict import Status, Verdict
from tilewright.workers import Worker

Change = Callable[..., str]
Source = Callable[[str], KernelSource]

CUT = """
import torch
import triton
import triton.language as tl


@triton.jit
def matmul_kernel(
    a_ptr, b_ptr, c_ptr, M, N, K, sam, sak, sbk, sbn, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr
):
    offs_m = tl.program_id(0) * BM + tl.arange(0, BM)
    offs_n = tl.program_id(1) * BN + tl.arange(0, BN)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, K, BK):
        offs_k = k + tl.arange(0, BK)
        inside_m, inside_k, inside_n = offs_m < M, offs_k < K, offs_n < N
        a = tl.load(a_ptr + offs_m[:, None] * sam + offs_k[None, :] * sak, inside_m[:, None] & inside_k[None, :], 0.0)
        b = tl.load(b_ptr + offs_k[:, None] * sbk + offs_n[None, :] * sbn, inside_k[:, None] & inside_n[None, :], 0.0)
        acc = tl.dot(a, b, acc)
    inside = (offs_m < M)[:, None] & (offs_n < N)[None, :]
    tl.store(c_ptr + offs_m[:, None] * N + offs_n[None, :], acc, inside)


class ModelNew(torch.nn.Module):
    def forward(self, A, B):
        (M, K), N = A.shape, B.shape[1]
        C = torch.empty((M, N), device=A.device, dtype=A.dtype)
        grid = (triton.cdiv(M, 32), triton.cdiv(N, 32))
        matmul_kernel[grid](A, B, C, M, N, K, *A.stride(), *B.stride(), BM=32, BN=32, BK=32)
        return C
"""
"""TF32: operands are cut to 10 bits."""
ROUND = """@triton.jit
def rounded(x, BITS: tl.constexpr):
    bits = x.to(tl.int32, bitcast=True)
    return ((bits + (1 << (22 - BITS))) & -(1 << (23 - BITS))).to(tl.float32, bitcast=True)


@triton.jit
def matmul_kernel("""
INPUTS = (TensorSpec(name="A", dtype="f32", shape=(512, 1024)), TensorSpec(name="B", dtype="f32", shape=(1024, 256)))
PROBLEMS = [p for p in small_problems(INPUTS) if p.label in ("ragged", "ragged small", "expanded")]
OVER = f"root mean square over {1 + DRAWS} draws"


def rounding(change: Change, bits: int) -> str:
    """The same with operands that are rounded to the nearest number of ``bits`` bits."""
    return change(
        CUT,
        ("@triton.jit\ndef matmul_kernel(", ROUND),
        ("tl.dot(a, b, acc)", f"tl.dot(rounded(a, {bits}), rounded(b, {bits}), acc)"),
    )


def prover(worker: Worker, source: Source, seed: int, precision: str = "no-worse") -> Prover:
    return Prover(source(CUT), problems=PROBLEMS, dtypes=("fp32",), worker=worker, seed=seed, precision=precision)


def looked_again(verdict: Verdict) -> bool:
    return any(OVER in check.detail for check in verdict.checks)


@pytest.mark.parametrize("seed", [1, 5, 6])
def test_errors_that_are_distributed_as_the_originals_pass(
    worker: Worker, source: Source, change: Change, seed: int
) -> None:
    verdict = prover(worker, source, seed).prove(source(rounding(change, 10)))
    assert verdict.status is Status.PROVED, verdict.reason
    # by seed 1 nothing fails at first
    assert looked_again(verdict) == (seed != 1)
    for check in verdict.checks:
        assert check.passed
        if OVER in check.detail:
            assert "one draw: " in check.detail


def test_precision_same_knows_no_second_look(worker: Worker, source: Source, change: Change) -> None:
    verdict = prover(worker, source, 5, "same").prove(source(rounding(change, 7)))
    assert verdict.status is Status.REFUTED
    assert not looked_again(verdict)
