"""Views reach the kernel as they are described: offsets, and dimensions of stride 0."""

from __future__ import annotations

from collections.abc import Callable

from tilewright.prove import Prover
from tilewright.prove.problems import WHOLE_ROWS
from tilewright.records.problem import Problem
from tilewright.records.source import KernelSource, TensorSpec
from tilewright.records.verdict import Status
from tilewright.workers import Worker

ROWS = """
import torch
import triton
import triton.language as tl


@triton.jit
def double_kernel(x_ptr, y_ptr, n, stride, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    o = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * stride + o, mask=o < n)
    tl.store(y_ptr + row * n + o, x * 2.0, mask=o < n)


class ModelNew(torch.nn.Module):
    def forward(self, x):
        y = torch.empty(x.shape, device=x.device, dtype=x.dtype)
        double_kernel[(x.shape[0],)](x, y, x.shape[1], x.stride(0), BLOCK=64)
        return y
"""


def problems() -> list[Problem]:
    plain = TensorSpec(name="x", dtype="f32", shape=(20, 36))
    return [
        Problem(inputs=(plain,), label="ragged"),
        Problem(inputs=(TensorSpec(name="x", dtype="f32", shape=(20, 36), offset=1),), label="misaligned"),
        Problem(inputs=(TensorSpec(name="x", dtype="f32", shape=(20, 36), strides=(0, 1)),), label="expanded"),
        Problem(inputs=(TensorSpec(name="x", dtype="f32", shape=(20, 16)),), label=WHOLE_ROWS),
    ]


def test_misaligned_and_expanded_inputs_are_run_as_such(
    source: Callable[[str], KernelSource], worker: Worker, change: Callable[..., str]
) -> None:
    prover = Prover(source(ROWS), problems=problems(), dtypes=("fp32",), worker=worker)
    verdict = prover.prove(source(ROWS))
    assert verdict.status is Status.PROVED, verdict.reason
    assert not any(label in note for note in verdict.unchecked for label in ("misaligned", "expanded"))
    assert all(check.shapes == ((20, 36),) for check in verdict.checks), "nothing had to stand in for ragged sizes"
    aligned_only = change(ROWS, ("        y = ", "        assert x.storage_offset() == 0, 'offset'\n        y = "))
    verdict = prover.prove(source(aligned_only))
    assert verdict.status is Status.REFUTED
    assert "AssertionError: offset (misaligned" in verdict.reason
    ignores_strides = change(ROWS, ("x.stride(0)", "x.shape[1]"))
    verdict = prover.prove(source(ignores_strides))
    assert verdict.status is Status.REFUTED
    assert "(expanded" in verdict.reason


def test_rows_of_whole_16_bytes_stand_in_where_the_original_takes_nothing_ragged(
    source: Callable[[str], KernelSource], worker: Worker, change: Callable[..., str]
) -> None:
    strict = change(ROWS, ("        y = ", "        assert x.stride(0) % 4 == 0, 'rows'\n        y = "))
    given = [
        Problem(inputs=(TensorSpec(name="x", dtype="f32", shape=(3, 7)),), label="ragged"),
        Problem(inputs=(TensorSpec(name="x", dtype="f32", shape=(3, 16)),), label=WHOLE_ROWS),
    ]
    verdict = Prover(source(strict), problems=given, dtypes=("fp32",), worker=worker).prove(source(ROWS))
    assert verdict.status is Status.PROVED, verdict.reason
    assert {check.shapes for check in verdict.checks} == {((3, 16),)}
    assert "ragged: the original does not run" in " ".join(verdict.unchecked)
