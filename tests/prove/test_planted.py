"""Which NaN and Inf of the original are a rule, and which are its own way of computing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tilewright.prove import Prover, inputs, planted
from tilewright.prove.compare import Baseline, compare
from tilewright.prove.halves import Array
from tilewright.prove.plan import Planned
from tilewright.prove.results import Leaf, Result
from tilewright.records.problem import Problem
from tilewright.records.source import KernelSource, TensorSpec
from tilewright.records.verdict import Check, Status
from tilewright.workers import Worker

Source = Callable[[str], KernelSource]
Function = Callable[[Array], Array]
ADVERSARIAL = Path(__file__).parent.parent / "adversarial"
SPEC = TensorSpec(name="x", dtype="f32", shape=(12, 9))
PLANNED = Planned(
    name="p0_f32_5", problem=Problem(inputs=(SPEC,)), dtype="f32", own=True, distribution=inputs.NON_FINITE
)


def ran(values: Array) -> Result:
    return Result(kind="ran", outputs={"output": Leaf(name="output", dtype="f32", shape=values.shape, values=values)})


def judged(given: Array, original: Function, candidate: Function) -> Check:
    """What is said of ``candidate``'s answer to ``given`` where ``original`` is both original and oracle."""
    calls = planted.calls(PLANNED, [given], 7)
    with np.errstate(invalid="ignore", over="ignore"):
        originals = {p.name: ran(original(values[0]).astype(np.float32)) for p, values in calls}
        oracle = {p.name: ran(original(values[0].astype(np.float64))) for p, values in calls if planted.is_oracles(p)}
        baseline = Baseline(
            planned=PLANNED,
            values=[given],
            oracle=ran(original(given.astype(np.float64))),
            moved_oracle=None,
            original=ran(original(given)),
            planted=planted.planted(PLANNED, originals, oracle),
        )
        (found,) = compare(baseline, ran(candidate(given).astype(np.float32)), "no-worse")
    assert found.check.name == "NaN and Inf positions"
    return found.check


@pytest.fixture
def given() -> Array:
    """A NaN in row 1, Inf in row 3, both signs of Inf in row 5, and those with a NaN in row 7."""
    values = np.random.default_rng(3).standard_normal((12, 9)).astype(np.float32)
    values[1, 4] = values[7, 0] = np.nan
    values[3, 2] = values[5, 1] = values[7, 1] = np.inf
    values[5, 6] = values[7, 6] = -np.inf
    return values


def zeroed(x: Array) -> Array:
    """A product with a mask of which one column is zero."""
    mask = np.ones(9, dtype=x.dtype)
    mask[4] = 0
    return x * mask


def skipped(x: Array) -> Array:
    result = zeroed(x)
    result[:, 4] = 0
    return result


def row_sums(x: Array) -> Array:
    return np.asarray(x.sum(axis=1))


def nan_to(value: float, where: Function = lambda x: np.ones(x.shape, dtype=bool)) -> Callable[[Function], Function]:
    """A function that returns ``value`` for the NaN of another, where told."""

    def change(function: Function) -> Function:
        return lambda x: np.where(np.isnan(function(x)) & where(function(x)), value, function(x))

    return change


def test_what_does_not_depend_on_a_nan_may_be_the_number_that_it_is_without(given: Array) -> None:
    found = judged(given, zeroed, skipped)
    assert found.passed
    assert "1 elements of output otherwise" in found.detail
    assert judged(given, zeroed, zeroed).passed


def test_another_number_than_without_a_nan_is_wrong(given: Array) -> None:
    assert not judged(
        given, zeroed, lambda x: np.where(np.isnan(zeroed(x)) & (np.arange(9) == 4), 3.5, zeroed(x))
    ).passed


FUNCTIONS: dict[str, Function] = {
    "scale": lambda x: 2 * x,
    "rectifier": lambda x: np.where(x < 0, 0, x),
    "clamp": lambda x: np.clip(x, -1, 1),
    "bell": lambda x: np.exp(-x * x),
    "row sums": row_sums,
    "row maxima": lambda x: np.asarray(x.max(axis=1)),
    "row minima": lambda x: np.asarray(x.min(axis=1)),
    "softmax": lambda x: (
        np.exp(x - x.max(1, keepdims=True)) / np.exp(x - x.max(1, keepdims=True)).sum(1, keepdims=True)
    ),
    "running sums": lambda x: np.asarray(x.cumsum(axis=1)),
    "signs": np.sign,
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("swallowed", [0.0, 1.0, np.inf])
def test_what_a_nan_reaches_is_nan(name: str, swallowed: float, given: Array) -> None:
    given[3:6] = 1.0
    given[7, 1:] = -1.0
    function = FUNCTIONS[name]
    assert judged(given, function, function).passed
    assert not judged(given, function, nan_to(swallowed)(function)).passed


def test_a_file_that_takes_the_nan_for_zero_is_wrong(given: Array) -> None:
    for function in FUNCTIONS.values():
        assert not judged(
            given, function, lambda x, f=function: f(np.nan_to_num(x, nan=0.0, posinf=np.inf, neginf=-np.inf))
        ).passed


def test_inf_minus_inf_may_be_inf_but_no_number(given: Array) -> None:
    of_infinities = np.arange(12) == 5

    def only(value: float) -> Function:
        return lambda x: np.where(of_infinities, value, row_sums(x))

    assert judged(given, row_sums, only(np.inf)).passed
    assert judged(given, row_sums, only(-np.inf)).passed
    assert not judged(given, row_sums, only(0.0)).passed


@pytest.mark.parametrize("row", [1, 7])
def test_a_nan_of_the_input_is_not_inf_whatever_lies_beside_it(row: int, given: Array) -> None:
    found = judged(given, row_sums, lambda x: np.where(np.arange(12) == row, np.inf, row_sums(x)))
    assert not found.passed
    assert f"output[{row}] is inf, the original's is nan" in found.detail


def test_inf_of_the_original_is_neither_nan_nor_the_other_inf(given: Array) -> None:
    for value in (np.nan, -np.inf, 1.0):
        assert not judged(given, row_sums, lambda x, v=value: np.where(np.arange(12) == 3, v, row_sums(x))).passed


def test_nothing_is_excused_where_the_original_does_not_run(given: Array) -> None:
    calls = [call for call, _ in planted.calls(PLANNED, [given], 7)]
    results = {call.name: ran(given) for call in calls}
    assert planted.planted(PLANNED, results, results) is not None
    for lost in results:
        some = {name: result for name, result in results.items() if name != lost}
        assert planted.planted(PLANNED, some, results) is None
    assert planted.planted(PLANNED, results, {}) is None


def test_replacements_share_a_place_in_memory_as_the_values_do() -> None:
    spec = TensorSpec(name="x", dtype="f32", shape=(6, 5), strides=(1, 0))
    call = Planned(name="p0_f32_5", problem=Problem(inputs=(spec,)), dtype="f32", own=True, distribution="non-finite")
    (value,) = inputs.values_for((spec,), ("f32",), distribution=inputs.NON_FINITE, seed=1, salt="")
    assert isinstance(value, np.ndarray)
    assert not np.isfinite(value).all()
    for _, (filled,) in planted.calls(call, [value], 3):
        assert isinstance(filled, np.ndarray)
        assert (np.isnan(filled[:, :1]) == np.isnan(filled)).all()
        assert (filled[:, :1] == filled)[~np.isnan(filled)].all()


RELU = """
import torch
import torch.nn as nn
import triton
import triton.language as tl

@triton.jit
def relu_kernel(x_ptr, y_ptr, n, BLOCK: tl.constexpr):
    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)
    x = tl.load(x_ptr + offsets, mask=offsets < n)
    tl.store(y_ptr + offsets, RESULT, mask=offsets < n)

class ModelNew(nn.Module):
    def forward(self, x):
        y = torch.empty_like(x)
        relu_kernel[(triton.cdiv(x.numel(), 64),)](x, y, x.numel(), BLOCK=64)
        return y
"""
RELU_REFERENCE = """
import torch

class Model(torch.nn.Module):
    def forward(self, x):
        return torch.relu(x)
"""


def prover(reference: str, count: int, worker: Worker, seed: int) -> Prover:
    specs = tuple(TensorSpec(name=name, dtype="f32", shape=(40, 40)) for name in "ab"[:count])
    problems = [Problem(inputs=specs, label="ragged")]
    return Prover(None, problems=problems, reference=reference, dtypes=(), worker=worker, seed=seed)


@pytest.mark.parametrize("seed", [3, 4, 14])
def test_blocks_of_zeros_may_be_skipped(seed: int, worker: Worker, source: Source) -> None:
    reference = (ADVERSARIAL / "references" / "n_triangular_matmul.py").read_text()
    text = (ADVERSARIAL / "honest" / "triangular_matmul.py").read_text()
    held = prover(reference, 2, worker, seed)
    verdict = held.prove(source(text))
    assert verdict.status is Status.PROVED, verdict.reason
    assert any("elements of output otherwise" in check.detail for check in verdict.checks), "a seed that shows nothing"
    swallowed = text.replace("acc = tl.dot(a, b,", "acc = tl.dot(tl.where(a == a, a, 0.0), b,")
    assert swallowed != text
    verdict = held.prove(source(swallowed))
    assert verdict.status is Status.REFUTED
    assert "the original's is nan" in verdict.reason


def test_a_rectifier_that_swallows_nan(worker: Worker, source: Source) -> None:
    held = prover(RELU_REFERENCE, 1, worker, 1)
    right = held.prove(source(RELU.replace("RESULT", "tl.where(x < 0, 0.0, x)")))
    assert right.status is Status.PROVED, right.reason
    for result in ("tl.where(x > 0, x, 0.0)", "tl.where(x == x, tl.where(x < 0, 0.0, x), 1.0)"):
        verdict = held.prove(source(RELU.replace("RESULT", result)))
        assert verdict.status is Status.REFUTED
        assert "the original's is nan" in verdict.reason
