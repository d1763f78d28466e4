"""Calls at their real size, whose values each worker makes: here in the interpreter, at sizes that it bears."""

from __future__ import annotations

from collections.abc import Callable

from tilewright.prove import Prover, small_problems
from tilewright.records.problem import Problem
from tilewright.records.source import KernelSource, TensorSpec
from tilewright.records.verdict import Status
from tilewright.workers import Worker

Source = Callable[[str], KernelSource]
INPUTS = (TensorSpec(name="x", dtype="f32", shape=(300, 70)),)
REFERENCE = """
import torch
import torch.nn as nn

class Model(nn.Module):
    def forward(self, x):
        LIMIT
        return x * 2.0 + 1.0
"""
KERNEL = """
import torch
import torch.nn as nn
import triton
import triton.language as tl

@triton.jit
def scale_kernel(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    mask = offsets < n
    tl.store(y_ptr + offsets, tl.load(x_ptr + offsets, mask=mask) * 2.0 + 1.0, mask=mask)

class ModelNew(nn.Module):
    def forward(self, x):
        y = torch.empty_like(x)
        n = CHANGE
        scale_kernel[(triton.cdiv(x.numel(), 256),)](x, y, n, BLOCK=256)
        return y
"""
TOO_LARGE = "if x.dtype == torch.float64 and x.shape[0] > 100:\n            raise torch.OutOfMemoryError('no room')"


def prover(source: Source, worker: Worker, limit: str) -> Prover:
    small = [problem for problem in small_problems(INPUTS) if problem.label == "ragged"]
    return Prover(
        None,
        problems=small,
        reference=REFERENCE.replace("LIMIT", limit),
        dtypes=(),
        worker=worker,
        real_problems=[Problem(inputs=INPUTS, label="as stated")],
    )


def test_a_file_that_is_wrong_at_the_real_size_alone_is_refuted(source: Source, worker: Worker) -> None:
    held = prover(source, worker, "")
    right = held.prove(source(KERNEL.replace("CHANGE", "x.numel()")))
    assert right.status is Status.PROVED, right.reason
    assert any(check.shapes == ((300, 70),) for check in right.checks)
    wrong = held.prove(source(KERNEL.replace("CHANGE", "min(x.numel(), 16384)")))
    assert wrong.status is Status.REFUTED
    assert "as stated 300x70" in wrong.reason


def test_an_oracle_that_does_not_fit_is_computed_in_pieces(source: Source, worker: Worker) -> None:
    held = prover(source, worker, TOO_LARGE)
    verdict = held.prove(source(KERNEL.replace("CHANGE", "x.numel()")))
    assert verdict.status is Status.PROVED, verdict.reason
    assert any(check.shapes == ((300, 70),) and "Frobenius" in check.name for check in verdict.checks)
    assert held.prove(source(KERNEL.replace("CHANGE", "min(x.numel(), 16384)"))).status is Status.REFUTED
