"""Rows and columns of a product that are reduced in its epilogue: lifted, planned and emitted."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import evaluated
import numpy as np
import pytest
import ttir_of
from emit_cases import ADA, STAGE, SUM, Interpreter, apply, lifted, operand, plain, source

from tilewright.families.contraction.emit import emit
from tilewright.families.contraction.lift import lift
from tilewright.families.contraction.schedule import candidates, illegal
from tilewright.families.contraction.variants import variants
from tilewright.families.contraction.work import work
from tilewright.records.algorithm import Contraction, Output, Parameter, Reduce
from tilewright.records.schedule import Schedule
from tilewright.records.trial import Lifted, Refusal
from tilewright.report.algorithm_words import equation

M, N, K = 70, 50, 40
Arrays = dict[str, np.ndarray[Any, Any]]
MATRICES = {"a_ptr": (M, K), "b_ptr": (K, N), "c_ptr": (M, N)}
ROWS = {"BLOCK_M": 32, "BLOCK_N": 64, "BLOCK_K": 16}
COLUMNS = {"BLOCK_M": 128, "BLOCK_N": 32, "BLOCK_K": 16}


def softmax(x: Arrays) -> Arrays:
    power = np.exp(x["a_ptr"] @ x["b_ptr"])
    return {"c_ptr": power / power.sum(1, keepdims=True)}


def layer_norm(x: Arrays) -> Arrays:
    y = x["a_ptr"] @ x["b_ptr"]
    return {"c_ptr": (y - y.mean(1, keepdims=True)) / np.sqrt(y.var(1, keepdims=True) + 0.5) * x["w_ptr"]}


def statistics(x: Arrays) -> Arrays:
    y = x["a_ptr"] @ x["b_ptr"]
    return {"top_ptr": y.max(1) * x["s_ptr"], "mean_ptr": y.mean(1), "c_ptr": y}


def columns(x: Arrays) -> Arrays:
    y = x["a_ptr"] @ x["b_ptr"]
    return {"least_ptr": y.min(0), "c_ptr": y - y.min(0)}


Formula = Callable[[Arrays], Arrays]
CASES: dict[str, tuple[Formula, dict[str, tuple[int, ...]], dict[str, int], tuple[int, int, int]]] = {
    "softmax": (softmax, {}, ROWS, (3, 1, 1)),
    "layer_norm": (layer_norm, {"w_ptr": (N,)}, ROWS, (3, 1, 1)),
    "statistics": (statistics, {"s_ptr": (M,), "top_ptr": (M,), "mean_ptr": (M,)}, ROWS, (3, 1, 1)),
    "columns": (columns, {"least_ptr": (N,)}, COLUMNS, (1, 2, 1)),
}


def found(
    kernel: str, more: dict[str, tuple[int, ...]], blocks: dict[str, int], grid: tuple[int, int, int]
) -> Lifted | Refusal:
    tensors = {name: ("fp32", shape) for name, shape in (MATRICES | more).items()}
    scalars: dict[str, int | float] = {"M": M, "N": N, "K": K}
    scalars |= {"eps": 0.5} if kernel == "layer_norm" else {}
    return lift(
        ttir_of.launch("reductions", kernel, tensors=tensors, scalars=scalars, constants=dict(blocks), grid=grid)
    )


@pytest.mark.parametrize("kernel", CASES)
def test_lifted_to_what_it_computes(kernel: str) -> None:
    formula, more, blocks, grid = CASES[kernel]
    one = found(kernel, more, blocks, grid)
    assert isinstance(one, Lifted), one
    assert isinstance(one.algorithm, Contraction)
    memory = evaluated.buffers(one.launch)
    shaped = {name: memory[name].astype(np.float64).reshape(shape) for name, shape in (MATRICES | more).items()}
    evaluated.run(one.algorithm, one.launch, memory)
    for name, expected in formula(shaped).items():
        np.testing.assert_allclose(memory[name].reshape(expected.shape), expected, rtol=1e-5, atol=1e-6)


@pytest.mark.parametrize(
    ("kernel", "grid", "blocks", "reason"),
    [
        ("softmax", (3, 2, 1), ROWS | {"BLOCK_N": 32}, "reduces along n, of which each of its tiles holds a part"),
        ("columns", (3, 2, 1), COLUMNS | {"BLOCK_M": 32}, "reduces along m, of which each of its tiles holds a part"),
        ("number", (3, 1, 1), ROWS, "reduces a tile to a vector or a number"),
        ("crossed", (2, 1, 1), ROWS | {"BLOCK_M": 64}, "puts a reduction along n to use along another axis than m"),
        ("largest_place", (3, 1, 1), ROWS, "reduces a tile to a vector or a number"),
    ],
)
def test_declined_with_its_reason(kernel: str, grid: tuple[int, int, int], blocks: dict[str, int], reason: str) -> None:
    more = {"c_ptr": (M,)} if kernel in ("number", "largest_place") else {}
    refused = found(kernel, more | ({"least_ptr": (N,)} if kernel == "columns" else {}), blocks, grid)
    assert isinstance(refused, Refusal), refused
    assert reason in refused.reason


def reduce(operation: str, value: Any, axis: str = "n") -> Reduce:
    return Reduce(operation=operation, axis=axis, value=value, dtype="fp32")


POWER = apply("exp", apply("sub", SUM, reduce("max", SUM)))
SOFTMAX = plain(apply("div", POWER, reduce("sum", POWER)))
TOTALS = plain(outputs=(Output(operand=operand("c_ptr", m="stride_cm"), value=reduce("sum", SUM)),))
MEAN = plain(apply("sub", SUM, apply("div", reduce("sum", SUM), apply("cast", Parameter(name="N", dtype="i32")))))
CENTRED = plain(apply("sub", SUM, reduce("min", SUM, "m")))

CHECK = """
for M, N, K in ((37, 52, 36), (64, 64, 32), (5, 1, 3), (33, 130, 20)):
    a, b = torch.randn(K, M), torch.randn(N, K)
    exact = a.double().T @ b.double().T
    expected = FORMULA
    error = (model(a, b).double() - expected).abs().max()
    assert error < LIMIT, (name, M, N, K, error)
"""
FORMULAS = {
    "softmax": (SOFTMAX, "exact.softmax(1)"),
    "mean": (MEAN, "exact - exact.mean(1, keepdim=True)"),
    "totals": (TOTALS, "exact.sum(1)"),
    "centred": (CENTRED, "exact - exact.min(0, keepdim=True).values"),
}
FORMS = {
    "plain": {},
    "tuned": {"program_order": "row_major"},
    "grouped": {"program_order": "grouped", "group_m": 2, "masks": "wrapped", "pointers": "advanced"},
    "persistent": {"program_order": "row_major", "persistent": True, "masks": "even_k"},
    "narrowed": {"program_order": "row_major", "a_layout": "k_major", "b_layout": "k_major", "operand_dtype": "fp16"},
}
LIMITS = dict.fromkeys(FORMS, 1e-4) | {"narrowed": 5e-2}
TILES = dict.fromkeys(FORMS, (64,)) | {"tuned": (64, 32)}
"""BLOCK_M of each entry; the others of a tile have one."""


def test_every_form_is_right_for_rows_of_any_length(tmp_path: Path, interpret: Interpreter) -> None:
    cases = []
    for word, (algorithm, formula) in FORMULAS.items():
        text = source().text
        if word == "totals":
            text = text.replace("torch.empty((M, N)", "torch.empty((M,)").replace("C.stride(1),", "0,")
        for name, fields in FORMS.items():
            plan = [Schedule(block_m=m, block_n=64, block_k=16, **fields) for m in TILES[name]]  # type: ignore[arg-type]
            emitted = emit(replace(source(), text=text), lifted(algorithm), plan, docstring="Test.")
            assert isinstance(emitted, str)
            path = tmp_path / f"{word}_{name}.py"
            path.write_text(emitted)
            cases.append((path, CHECK.replace("FORMULA", formula).replace("LIMIT", str(LIMITS[name]))))
    interpret(cases)


def test_the_epilogue_reads_as_a_person_would_write_it() -> None:
    schedule = Schedule(block_m=32, block_n=64, block_k=32)
    text = emit(source(), lifted(SOFTMAX), (schedule,), docstring="Softmax.")
    assert isinstance(text, str)
    assert (
        """
    row_max = tl.max(tl.where(mask_n[None, :], acc, float("-inf")), 1, keep_dims=True)
    x = tl.exp(acc - row_max)
    row_sum = tl.sum(tl.where(mask_n[None, :], x, 0.0), 1, keep_dims=True)
    c = x / row_sum
    c_ptrs = c_ptr + offs_m[:, None] * stride_cm + offs_n[None, :] * stride_cn
    tl.store(c_ptrs, c.to(c_ptr.dtype.element_ty), mask=mask_m[:, None] & mask_n[None, :])
"""
        in text
    )
    assert "BLOCK_M=32, BLOCK_N=max(16, triton.next_power_of_2(N)), BLOCK_K=32," in text


def test_one_program_holds_what_is_reduced() -> None:
    one = lifted(
        SOFTMAX, Schedule(block_m=64, block_n=256, block_k=32), M=512, N=200, K=1024, stride_am=1, stride_ak=512,
        stride_bk=1, stride_bn=1024, stride_cm=200, stride_cn=1,
    )  # fmt: skip
    base = one.schedule
    assert illegal(base, one, ADA) is None
    assert illegal(replace(base, block_n=128), one, ADA) == (
        "one program holds all of n, and no more, since it reduces along it"
    )
    assert illegal(replace(base, split_k=2), one, ADA) == (
        "what is reduced after the product has to be finished in one program"
    )
    offered = variants(one, base, ADA, ("block_m", "block_n", "block_k", "num_warps", "split_k", "persistent"))
    assert {schedule.block_n for schedule in offered} == {256}
    assert {schedule.split_k for schedule in offered} == {1}
    assert {16, 32, 64} <= {schedule.block_m for schedule in offered}
    lists = [plan for plan in candidates(one, ADA, STAGE) if len(plan) > 1]
    assert lists
    assert {entry.block_n for plan in lists for entry in plan} == {256}
    tuned = next(plan for plan in lists if len({entry.block_m for entry in plan}) > 1)
    text = emit(source(), one, tuned, docstring="Test.")
    assert isinstance(text, str)
    assert f'triton.Config({{"BLOCK_M": {tuned[0].block_m}, "BLOCK_K": {tuned[0].block_k}}}, num_warps=' in text
    assert "BLOCK_N=max(16, triton.next_power_of_2(N))," in text


def test_what_is_reduced_away_is_not_written() -> None:
    one, whole = (lifted(algorithm, Schedule(block_n=4096)) for algorithm in (TOTALS, SOFTMAX))
    m, n = 2048, 4096
    assert work(one, one.schedule, one.launch).written_bytes == 4 * m
    assert work(whole, whole.schedule, whole.launch).written_bytes == 4 * m * n
    assert equation(TOTALS) == "c[m] = sum_n(acc), acc = sum over k of a[m, k] * b[k, n]"
