"""Operands in a layout of the schedule's choice: emitted files run in the interpreter, on whatever they are given."""

from __future__ import annotations

from pathlib import Path

from emit_cases import interpret, lifted, plain, source

from tilewright.families.contraction.emit import emit
from tilewright.records.algorithm import Contraction
from tilewright.records.schedule import Schedule
from tilewright.records.source import KernelSource

SMALL = {"block_m": 32, "block_n": 64, "block_k": 32}
DESCRIBED = {"a_layout": "k_major", "b_layout": "k_major", "descriptors": True}
CROSSWISE = {"a_layout": "m_major", "b_layout": "n_major", "descriptors": True}

PLANS = {
    "described": (Schedule(program_order="grouped", group_m=2, **DESCRIBED, **SMALL),),
    "described_crosswise": (Schedule(**CROSSWISE, pointers="advanced", **SMALL),),
    "described_mixed": (Schedule(program_order="row_major", **{**DESCRIBED, "b_layout": "n_major"}, **SMALL),),
    "described_split": (Schedule(program_order="row_major", split_k=2, masks="even_k", **DESCRIBED, **SMALL),),
    "described_persistent": (Schedule(program_order="column_major", persistent=True, **DESCRIBED, **SMALL),),
    "described_tuned": tuple(Schedule(num_warps=warps, masks="wrapped", **DESCRIBED, **SMALL) for warps in (4, 8)),
    "packed_a": (Schedule(a_layout="k_major", pointers="advanced", masks="wrapped", **SMALL),),
    "packed_both": (Schedule(a_layout="m_major", b_layout="k_major", masks="even_k", **SMALL),),
    "packed_split": (Schedule(program_order="row_major", split_k=2, b_layout="n_major", **SMALL),),
}

CHECK = """
for M, N, K in SHAPES:
    for dtype, limit in LIMITS:
        a, b = torch.randn(K, M, dtype=dtype), torch.randn(N, K, dtype=dtype)
        sliced = torch.randn(K + 1, M + 3, dtype=dtype)[1:, 1:M + 1], torch.randn(N, K + 5, dtype=dtype)[:, 2:K + 2]
        repeated = torch.randn(K, 1, dtype=dtype).expand(K, M), torch.randn(1, K, dtype=dtype).expand(N, K)
        crossed = a.t().contiguous().t(), b.t().contiguous().t()
        spaced = a.repeat_interleave(2, 0)[::2], b.repeat_interleave(2, 1)[:, ::2]
        for A, B in ((a, b), crossed, sliced, repeated, spaced):
            exact = A.double().T @ B.double().T
            error = (model(A, B).double() - exact).norm() / exact.norm()
            assert error < limit, (name, M, N, K, dtype, error)
for M, N, K in ((5, 7, 0), (0, 7, 3), (5, 0, 3)):
    empty = model(torch.randn(K, M), torch.randn(N, K))
    assert empty.shape == (M, N) and (empty == 0).all(), (name, M, N, K)
"""


def written(given: KernelSource, contraction: Contraction, plan: tuple[Schedule, ...], **values: int) -> str:
    text = emit(given, lifted(contraction, kernel=contraction.kernel, **values), plan, docstring="Test.")
    assert isinstance(text, str), text
    return text


def test_every_form_is_right_on_ragged_sliced_expanded_and_empty_tensors(tmp_path: Path) -> None:
    cases = []
    for name, plan in PLANS.items():
        path = tmp_path / f"{name}.py"
        path.write_text(written(source(), plain(), plan))
        main = name in ("described", "described_crosswise")
        shapes = "((64, 64, 64), (100, 52, 36), (1, 1, 1))" if main else "((1, 1, 1), (40, 72, 36))"
        limits = "((torch.float32, 1e-6), (torch.float16, 1e-3))" if main else "((torch.float32, 1e-6),)"
        cases.append((path, CHECK.replace("SHAPES", shapes).replace("LIMITS", limits)))
    interpret(cases)
