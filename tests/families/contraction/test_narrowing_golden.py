"""Files with narrowed operands, whole, as they are meant to read. TILEWRIGHT_UPDATE_GOLDEN=1 writes them again."""

import os
from dataclasses import replace
from pathlib import Path

import pytest
from emit_cases import SUM, Interpreter, apply, lifted, operand, plain, source

from tilewright.families.contraction.emit import emit
from tilewright.records.algorithm import Loaded
from tilewright.records.schedule import Schedule

GOLDEN = Path(__file__).parents[2] / "golden"
TILE = {"block_m": 128, "block_n": 256, "block_k": 64, "num_warps": 8, "operand_dtype": "fp16"}
BIASED = """\
import torch
import torch.nn as nn
import triton
import triton.language as tl


@triton.jit
def matmul_kernel(
    a_ptr, b_ptr, bias_ptr, c_ptr,
    M, N, K,
    stride_am, stride_ak,
    stride_bk, stride_bn,
    stride_cm, stride_cn,
):
    pass


def matmul(A, B, bias):
    M, K = A.shape
    N = B.shape[1]
    C = torch.empty((M, N), device=A.device, dtype=A.dtype)
    grid = (triton.cdiv(M, 64), triton.cdiv(N, 64))
    matmul_kernel[grid](
        A.contiguous(), B, bias, C, M, N, K,
        K, 1, B.stride(0), B.stride(1), C.stride(0), C.stride(1),
    )
    return C


class ModelNew(nn.Module):
    def forward(self, A, B, bias):
        return matmul(A, B, bias)
"""
"""C = A @ B + bias; A is made where it is passed."""

CASES = {
    "narrowed_descriptors": (
        source(),
        lifted(),
        Schedule(program_order="grouped", group_m=16, a_layout="m_major", b_layout="k_major", descriptors=True, **TILE),
    ),
    "narrowed_pointers_bias": (
        source(BIASED),
        lifted(
            plain(apply("add", SUM, Loaded(operand=operand("bias_ptr", n="1")))),
            Schedule(program_order="grouped", group_m=8, num_stages=2),
        ),
        Schedule(a_layout="k_major", b_layout="n_major", masks="even_k", program_order="row_major", **TILE),
    ),
}

BIASED_CHECK = """
bias = torch.randn(70)
for A in (torch.randn(40, 33), torch.randn(33, 40).t() * 2.0**100):
    B = torch.randn(33, 70)
    exact = A.double() @ B.double() + bias.double()
    error = (model(A, B, bias).double() - exact).norm() / exact.norm()
    assert error < (1e-3 if A.abs().max() < 2.0**90 else 1e-6), (name, error)
"""


def test_a_tensor_that_is_made_where_it_is_passed_is_made_once_and_reaches_both_kernels(
    tmp_path: Path, interpret: Interpreter
) -> None:
    given, contraction, schedule = CASES["narrowed_pointers_bias"]
    small = replace(schedule, block_m=32, block_n=64, block_k=32)
    text = emit(given, contraction, (small,), docstring="Test.")
    assert isinstance(text, str), text
    assert text.count("A.contiguous()") == 1
    path = tmp_path / "biased.py"
    path.write_text(text)
    interpret([(path, BIASED_CHECK)])


@pytest.mark.parametrize("name", CASES)
def test_emitted_file_reads_as_the_golden_one(name: str) -> None:
    given, contraction, schedule = CASES[name]
    text = emit(given, contraction, (schedule,), docstring="C = A @ B.\n\nWhat changed, and why, stands here.")
    assert isinstance(text, str), text
    path = GOLDEN / f"{name}.py"
    if os.environ.get("TILEWRIGHT_UPDATE_GOLDEN"):
        path.write_text(text)
    assert text == path.read_text()
    compile(text, name, "exec")
