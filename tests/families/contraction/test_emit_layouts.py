"""Operands in a layout of the schedule's choice: emitted files run in the interpreter, on whatever they are given."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from emit_cases import BATCH, SUM, Interpreter, apply, batched, laid_out, lifted, one_batch, operand, plain, source

from tilewright import targets
from tilewright.families.contraction.emit import emit
from tilewright.families.contraction.layouts import all_placed
from tilewright.families.contraction.schedule import illegal
from tilewright.families.contraction.work import work
from tilewright.records.algorithm import Contraction, Loaded
from tilewright.records.schedule import Schedule
from tilewright.records.source import KernelSource

HOPPER = targets.load("h200")
SMALL = {"block_m": 32, "block_n": 64, "block_k": 32}
DESCRIBED = {"a_layout": "k_major", "b_layout": "k_major", "descriptors": True}
REGISTERS = {"a_layout": "k_major", "b_layout": "registers", "descriptors": True}
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


LAID_OUT_CHECK = """
for M, N, K in ((40, 72, 36), (32, 64, 64)):
    A = torch.randn(*((M, K) if LAYOUT[0] == "N" else (K, M)))
    B = torch.randn(*((K, N) if LAYOUT[1] == "N" else (N, K)))
    exact = (A if LAYOUT[0] == "N" else A.T).double() @ (B if LAYOUT[1] == "N" else B.T).double()
    error = (model(A, B).double() - exact).norm() / exact.norm()
    assert error < 1e-6, (name, M, N, K, error)
"""

BATCH_CHECK = """
for batch, M, N, K in ((3, 20, 70, 36), (1, 33, 65, 64)):
    w, bias = torch.randn(K, N).t().contiguous().t(), torch.randn(N)
    x = torch.randn(batch, M, K)
    for given in (x, x.transpose(0, 1).contiguous().transpose(0, 1), x[:1].expand(batch, M, K)):
        exact = torch.nn.functional.gelu(given.double() @ w.double() + bias.double())
        error = (model(given, w, bias).double() - exact).norm() / exact.norm()
        assert error < 1e-5, (name, batch, M, N, K, error)
empty = model(torch.randn(0, 4, 8), torch.randn(8, 5), torch.randn(5))
assert empty.shape == (0, 4, 5), name
"""


def written(given: KernelSource, contraction: Contraction, plan: tuple[Schedule, ...], **values: int) -> str:
    text = emit(given, lifted(contraction, kernel=contraction.kernel, **values), plan, docstring="Test.")
    assert isinstance(text, str), text
    return text


def test_every_form_is_right_on_ragged_sliced_expanded_and_empty_tensors(
    tmp_path: Path, interpret: Interpreter
) -> None:
    cases = []
    for name, plan in PLANS.items():
        path = tmp_path / f"{name}.py"
        path.write_text(written(source(), plain(), plan))
        main = name in ("described", "described_crosswise")
        shapes = "((64, 64, 64), (70, 52, 36), (1, 1, 1))" if main else "((40, 72, 36),)"
        limits = "((torch.float32, 1e-6), (torch.float16, 1e-3))" if main else "((torch.float32, 1e-6),)"
        cases.append((path, CHECK.replace("SHAPES", shapes).replace("LIMITS", limits)))
    for layout in ("NN", "NT", "TN"):
        path = tmp_path / f"{layout}.py"
        path.write_text(written(source(laid_out(layout)), plain(), PLANS["described"]))
        cases.append((path, LAID_OUT_CHECK.replace("LAYOUT", repr(layout))))
    interpret(cases)


def test_b_through_registers_is_right_on_the_same_tensors_in_both_dtypes(
    tmp_path: Path, interpret: Interpreter
) -> None:
    limits = "((torch.float32, 1e-6), (torch.float16, 1e-3))"
    cases = []
    for split, shapes in ((1, "((64, 64, 64), (70, 52, 36))"), (2, "((40, 72, 36),)")):
        order = Schedule(program_order="grouped", group_m=2, split_k=split, **REGISTERS, **SMALL)
        path = tmp_path / f"registers_{split}.py"
        path.write_text(written(source(), plain(), (order,)))
        cases.append((path, CHECK.replace("SHAPES", shapes).replace("LIMITS", limits)))
    for layout in ("NN", "TN"):
        path = tmp_path / f"{layout}.py"
        path.write_text(written(source(laid_out(layout)), plain(), (Schedule(**REGISTERS, **SMALL),)))
        cases.append((path, LAID_OUT_CHECK.replace("LAYOUT", repr(layout))))
    interpret(cases)


def test_one_batch_axis_with_an_epilogue(tmp_path: Path, interpret: Interpreter) -> None:
    tiles = {"program_order": "grouped", "group_m": 2, **SMALL}
    plans = {
        "described": Schedule(**DESCRIBED, **tiles),
        "crosswise": Schedule(**CROSSWISE, split_k=2, **tiles),
        "registers": Schedule(**REGISTERS, **tiles),
        "pointers": Schedule(a_layout="k_major", b_layout="k_major", **tiles),
    }
    values = {"M": 20, "N": 70, "K": 36, "stride_xb": 720, "stride_xm": 36, "stride_wk": 70, "stride_wn": 1}
    cases = []
    for name, schedule in plans.items():
        path = tmp_path / f"{name}.py"
        path.write_text(written(source(BATCH), one_batch(), (schedule,), **values))
        cases.append((path, BATCH_CHECK))
    interpret(cases)


def test_a_demanding_epilogue_is_finished_in_parts_of_the_tile(tmp_path: Path, interpret: Interpreter) -> None:
    tile = {"block_m": 64, "block_k": 32, "program_order": "grouped", "group_m": 2}
    plans = {
        "halves_pointers": (Schedule(block_n=64, num_warps=2, masks="wrapped", **tile),),
        "quarters_persistent": (Schedule(block_n=64, num_warps=1, **DESCRIBED, persistent=True, **tile),),
        "whole_for_few_sums": (Schedule(block_n=64, num_warps=4, **tile),),
        "whole_beside_each_other": (Schedule(block_n=256, num_warps=8, **tile),),
        "whole_in_the_kernel_that_finishes": (Schedule(block_n=64, num_warps=1, split_k=2, **tile),),
        "as_narrow_as_the_list_allows": (
            Schedule(block_n=64, num_warps=1, masks="wrapped", **tile),
            Schedule(block_n=32, num_warps=1, masks="wrapped", **tile),
        ),
    }
    expected = (2, 4, 1, 1, 1, 2)  # no part of the last one's 32 columns has fewer than 16
    values = {"M": 20, "N": 70, "K": 36, "stride_xb": 720, "stride_xm": 36, "stride_wk": 70, "stride_wn": 1}
    cases = []
    for (name, plan), parts in zip(plans.items(), expected, strict=True):
        text = written(source(BATCH), one_batch(), plan, **values)
        assert text.count("tl.split") == parts - 1, name
        assert (f"tl.static_range({parts})" in text) == (parts > 1), name
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        if parts > 1:
            cases.append((path, BATCH_CHECK))
    interpret(cases)


def test_a_tensor_as_large_as_the_output_is_added_in_parts(tmp_path: Path, interpret: Interpreter) -> None:
    schedule = Schedule(block_m=64, block_n=64, block_k=32, num_warps=1)
    added = Loaded(operand=operand("c_ptr", m="stride_cm", n="stride_cn"))
    text = written(source(), plain(apply("add", SUM, added)), (schedule,))
    assert "tl.static_range(4)" in text
    path = tmp_path / "residual.py"
    path.write_text(text.replace("torch.empty((M", "torch.ones((M"))
    check = CHECK.partition("for M, N, K in ((5")[0].replace("B.double().T", "B.double().T + 1")
    interpret([(path, check.replace("SHAPES", "((70, 100, 36),)").replace("LIMITS", "((torch.float32, 1e-6),)"))])


CAST_CHECK = """
for M, N, K in ((40, 72, 36), (32, 64, 64)):
    for dtype in (torch.float32, torch.float16, torch.bfloat16):
        A, B = torch.randn(K, M, dtype=dtype), torch.randn(N, K, dtype=dtype)
        exact = A.half().double().T @ B.half().double().T
        error = (model(A, B).double() - exact).norm() / exact.norm()
        assert error < {torch.float32: 1e-6, torch.float16: 1e-3, torch.bfloat16: 8e-3}[dtype], (name, dtype, error)
"""


def test_what_the_kernel_casts_to_fewer_bytes_is_cast_once_in_the_copy(tmp_path: Path, interpret: Interpreter) -> None:
    half = plain(**{side: replace(getattr(plain(), side), casts=("fp16",)) for side in "ab"})
    cases = []
    for name in ("described", "described_mixed", "packed_a", "packed_both"):
        text = written(source(), half, PLANS[name])
        assert ", dtype):" in text
        assert "torch.float16" in text
        assert (".to(tl.float16)" in text) == (name == "packed_a")  # B is read as it lies there, and cast in each tile
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        cases.append((path, CAST_CHECK))
    interpret(cases)


def test_a_cast_in_the_copy_halves_what_tiles_bring_and_is_never_for_nothing() -> None:
    half = plain(**{side: replace(getattr(plain(), side), casts=("fp16",)) for side in "ab"})
    given = lifted(half)
    as_is = work(given, Schedule(program_order="row_major", **SMALL), given.launch)
    copied = work(given, Schedule(program_order="row_major", **CROSSWISE, **SMALL), given.launch)
    assert [one.tile_bytes for one in copied.operands] == [one.tile_bytes / 2 for one in as_is.operands]
    assert copied.copies == 2
    assert copied.copied_bytes == sum(one.total_bytes for one in as_is.operands) * 1.5
    widened = plain(a=replace(plain().a, casts=("fp64",)))
    assert all(not one.is_cast for one in all_placed(widened, Schedule(**DESCRIBED)))


def test_a_tensor_that_the_epilogue_reads_too_is_still_passed_as_it_is(tmp_path: Path, interpret: Interpreter) -> None:
    added = plain(apply("add", SUM, Loaded(operand=operand("a_ptr", m="stride_am", n="stride_ak"))))
    cases = []
    for name in ("described", "packed_a"):
        text = written(source(), added, PLANS[name])
        assert "a_ptr + offs_m[:, None] * stride_am + offs_n[None, :] * stride_ak" in text
        path = tmp_path / f"{name}.py"
        path.write_text(text)
        check = CHECK.split("for M, N, K in ((5")[0].replace("B.double().T", "B.double().T + A.double().T")
        cases.append((path, check.replace("SHAPES", "((40, 40, 40),)").replace("LIMITS", "((torch.float32, 1e-6),)")))
    interpret(cases)


def test_several_batch_axes_offsets_and_repeated_tiles_are_read_as_they_lie() -> None:
    values = {"M": 20, "N": 70, "K": 36, "stride_xb": 720, "stride_xm": 36, "stride_wb": 2520, "stride_wk": 70}
    cases = {
        "batch axes": lifted(batched(), kernel="bmm_kernel", grid=(6, 1, 1), HEADS=2, **values),
        "offset": lifted(plain(a=replace(plain().a, offset="M"))),
        "repeats": lifted(plain(b=operand("b_ptr", n="stride_bn"))),
    }
    for word, case in cases.items():
        reason = illegal(Schedule(program_order="row_major", **DESCRIBED, **SMALL), case, HOPPER)
        assert word in (reason or ""), word
