"""Emitted files run in Triton's interpreter and agree with float64."""

from dataclasses import replace
from pathlib import Path

import pytest
from emit_cases import BATCHED, Interpreter, batched, lifted, source

from tilewright.families.contraction.emit import emit
from tilewright.records.schedule import Schedule
from tilewright.records.trial import Refusal

SMALL = {"block_m": 32, "block_n": 64, "block_k": 32}

PLANS = {
    "grid_2d": (Schedule(**SMALL),),
    "swapped": (Schedule(program_order="grid_2d_swapped", pointers="advanced", **SMALL),),
    "row_major": (Schedule(program_order="row_major", masks="wrapped", **SMALL),),
    "column_major": (Schedule(program_order="column_major", masks="even_k", **SMALL),),
    "grouped": (Schedule(program_order="grouped", group_m=2, masks="wrapped", pointers="advanced", **SMALL),),
    "split": (Schedule(program_order="grouped", group_m=2, split_k=4, **SMALL),),
    "split_advanced": (Schedule(split_k=2, pointers="advanced", masks="wrapped", **SMALL),),
    "split_even_k": (Schedule(program_order="row_major", split_k=2, pointers="advanced", masks="even_k", **SMALL),),
    "persistent": (Schedule(program_order="grouped", group_m=4, persistent=True, **SMALL),),
    "persistent_rows": (Schedule(program_order="row_major", persistent=True, masks="even_k", **SMALL),),
    "tuned_blocks": tuple(
        Schedule(program_order="grouped", group_m=8, pointers="advanced", block_m=m, block_n=32, block_k=32)
        for m in (64, 128)
    ),
    "tuned_launch": tuple(Schedule(program_order="row_major", num_warps=warps, **SMALL) for warps in (2, 4)),
}

CHECK = """
for M, N, K in SHAPES:
    for dtype, limit in LIMITS:
        a, b = torch.randn(K, M, dtype=dtype), torch.randn(N, K, dtype=dtype)
        for A, B in ((a, b), (a.repeat_interleave(2, 0)[::2], b.t().contiguous().t())):
            exact = A.double().T @ B.double().T
            error = (model(A, B).double() - exact).norm() / exact.norm()
            assert error < limit, (name, M, N, K, dtype, error)
empty = model(torch.randn(0, 5), torch.randn(7, 0))
assert empty.shape == (5, 7) and (empty == 0).all(), name
"""


def test_every_form_is_right_on_ragged_even_and_single_elements(tmp_path: Path, interpret: Interpreter) -> None:
    cases = []
    for name, plan in PLANS.items():
        text = emit(source(), lifted(), plan, docstring="Test.")
        assert isinstance(text, str)
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        main = name in ("grouped", "tuned_blocks")
        shapes = "((64, 64, 64), (100, 52, 36), (1, 1, 1), (129, 70, 65))" if main else "((1, 1, 1), (100, 52, 36))"
        limits = "((torch.float32, 1e-6), (torch.float16, 1e-3))" if main else "((torch.float32, 1e-6),)"
        cases.append((path, CHECK.replace("SHAPES", shapes).replace("LIMITS", limits)))
    interpret(cases)


BATCHED_CHECK = """
x, w, bias = torch.randn(3, 2, 20, 36), torch.randn(2, 36, 70), torch.randn(70)
exact = torch.nn.functional.gelu(x.double() @ w.double() + bias.double())
error = (model(x, w, bias).double() - exact).norm() / exact.norm()
assert error < 1e-5, (name, error)
"""


@pytest.mark.parametrize("order", ["grid_2d", "grouped"])
def test_two_batch_axes_with_bias_and_gelu(tmp_path: Path, order: str, interpret: Interpreter) -> None:
    group = 2 if order == "grouped" else 1
    variants = [Schedule(program_order=order, group_m=group, **SMALL)]
    if order == "grouped":
        variants.append(Schedule(program_order=order, group_m=group, split_k=2, **SMALL))
        variants.append(Schedule(program_order=order, group_m=group, persistent=True, **SMALL))
    cases = []
    values = {
        "M": 20,
        "N": 70,
        "K": 36,
        "stride_xb": 720,
        "stride_xm": 36,
        "stride_wb": 2520,
        "stride_wk": 70,
        "HEADS": 2,
    }
    for number, schedule in enumerate(variants):
        text = emit(source(BATCHED), lifted(batched(), kernel="bmm_kernel", **values), (schedule,), docstring="Test.")
        assert isinstance(text, str), text
        path = tmp_path / f"batched_{number}.py"
        path.write_text(text)
        cases.append((path, BATCHED_CHECK))
    interpret(cases)


def test_an_input_may_call_its_constants_as_the_schedule_does() -> None:
    text = source().text.replace("BLOCK_SIZE", "BLOCK_M").replace("DEBUG", "GROUP_M")
    plan = (Schedule(program_order="grouped", group_m=2, **SMALL),)
    emitted = emit(replace(source(), text=text), lifted(), plan, docstring="Test.")
    assert isinstance(emitted, str), emitted
    compile(emitted, "kernel.py", "exec")
    number = text.replace("BLOCK_M: tl.constexpr", "BLOCK_M")
    refused = emit(replace(source(), text=number), lifted(), plan, docstring="Test.")
    assert isinstance(refused, Refusal)
    assert "BLOCK_M" in refused.reason
