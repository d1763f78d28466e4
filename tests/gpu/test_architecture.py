"""A proof through an older chip's code: right products are proved, and what that chip lacks is missed.

Run by hand where there is a GPU: ``python -m pytest tests/gpu/test_architecture.py``.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

import tilewright
from tilewright.records.verdict import Status
from tilewright.records.verification import Verification
from tilewright.report import write_certificate

pytestmark = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs an NVIDIA GPU")

REFERENCE = """import torch


class Model(torch.nn.Module):
    def forward(self, A, B):
        return A @ B


def get_inputs():
    return [torch.rand(256, 192), torch.rand(192, 320)]


def get_init_inputs():
    return []
"""
MATMUL = """import torch
import triton
import triton.language as tl


@triton.jit
def matmul_kernel(a_ptr, b_ptr, c_ptr, M, N, K, BLOCK_M: tl.constexpr, BLOCK_N: tl.constexpr, BLOCK_K: tl.constexpr):
    rows = tl.program_id(0) * BLOCK_M + tl.arange(0, BLOCK_M)
    columns = tl.program_id(1) * BLOCK_N + tl.arange(0, BLOCK_N)
    total = tl.zeros((BLOCK_M, BLOCK_N), dtype=tl.float32)
    for start in range(0, K, BLOCK_K):
        inner = start + tl.arange(0, BLOCK_K)
        a_mask = (rows[:, None] < M) & (inner[None, :] < K)
        b_mask = (inner[:, None] < K) & (columns[None, :] < N)
        a = tl.load(a_ptr + rows[:, None] * K + inner[None, :], mask=a_mask, other=0.0)
        b = tl.load(b_ptr + inner[:, None] * N + columns[None, :], mask=b_mask, other=0.0)
        total = tl.dot(a, b, total, input_precision="ieee")
    c_mask = (rows[:, None] < M) & (columns[None, :] < N)
    tl.store(c_ptr + rows[:, None] * N + columns[None, :], total, mask=c_mask)


class ModelNew(torch.nn.Module):
    def forward(self, A, B):
        A, B = A.contiguous(), B.contiguous()
        (M, K), N = A.shape, B.shape[1]
        C = torch.empty((M, N), device=A.device, dtype=A.dtype)
        grid = (triton.cdiv(M, 32), triton.cdiv(N, 32))
        matmul_kernel[grid](A, B, C, M, N, K, BLOCK_M=32, BLOCK_N=32, BLOCK_K=32)
        return C
"""
LOOP = "    for start in"
WITH_FP8 = MATMUL.replace(LOOP, f"    total = total.to(tl.float8e4nv).to(tl.float32)\n{LOOP}")
"""Needs a type that compute capability 8.9 brought, for a zero."""


def verified(folder: Path, text: str, architecture: str | None) -> Verification:
    candidate, reference = folder / "candidate.py", folder / "reference.py"
    candidate.write_text(text)
    reference.write_text(REFERENCE)
    return tilewright.verify(
        str(candidate),
        reference=str(reference),
        device="cuda",
        architecture=architecture,
        allow_unsandboxed=True,
    )


def test_a_product_is_proved_through_older_code(tmp_path: Path) -> None:
    found = verified(tmp_path, MATMUL, "sm_80")
    assert found.verdict.status is Status.PROVED, found.verdict.reason
    assert found.architecture == "sm_80"
    certificate = tmp_path / "c.json"
    write_certificate(found, certificate)
    assert json.loads(certificate.read_text())["architecture"] == "sm_80"


def test_what_the_older_chip_lacks_is_not_there(tmp_path: Path) -> None:
    major, minor = torch.cuda.get_device_capability()
    if (major, minor) < (8, 9):
        pytest.skip("the device lacks it too")
    own = verified(tmp_path, WITH_FP8, None)
    assert own.verdict.status is Status.PROVED, own.verdict.reason
    assert own.architecture == f"sm_{major}{minor}"
    older = verified(tmp_path, WITH_FP8, "sm_80")
    assert older.verdict.status is Status.REFUTED, older.verdict.reason
    assert older.refused_by == "runs"


def test_a_newer_chip_is_refused(tmp_path: Path) -> None:
    with pytest.raises(tilewright.InputError, match=r"^--architecture sm_999: newer than the device"):
        verified(tmp_path, MATMUL, "sm_999")
