"""The parts of a proof that need no process: problems, inputs, budgets; and the oracle against numpy."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilewright.prove import budget, inputs, small_problems
from tilewright.prove.baselines import make_case
from tilewright.prove.halves import bfloat16_bits, from_bfloat16_bits, round_to_bfloat16
from tilewright.prove.plan import Planned, plan, size_of
from tilewright.prove.session import WIDENED, Host, Session
from tilewright.records.problem import Problem
from tilewright.records.source import KernelSource, TensorSpec
from tilewright.workers import Worker

SIZES = st.sampled_from([1, 3, 8, 12, 64, 100, 768, 1024, 4096, 8192])


@given(st.lists(st.lists(SIZES, min_size=0, max_size=4), min_size=1, max_size=3))
def test_equal_sizes_stay_equal_and_problems_stay_small(shapes: list[list[int]]) -> None:
    specs = tuple(TensorSpec(name=f"x{i}", dtype="f32", shape=tuple(shape)) for i, shape in enumerate(shapes))
    for problem in small_problems(specs, (shapes[0][0] if shapes[0] else 7, 0.5)):
        mapped: dict[int, int] = {}
        for before, after in zip(specs, problem.inputs, strict=True):
            for old, new in zip(before.shape, after.shape, strict=True):
                assert mapped.setdefault(old, new) == new
                assert 1 <= new <= max(old, 1)
            assert np.prod(after.shape, initial=1.0) <= max(70_000, 12**4)
        if shapes[0]:
            assert problem.init_arguments[0] == mapped[shapes[0][0]]


def test_problems_of_a_matrix_product(seed_inputs: tuple[TensorSpec, ...]) -> None:
    problems = {problem.label: problem for problem in small_problems(seed_inputs)}
    assert {"ragged", "even", "size 1", "transposed storage", "sliced storage"} <= problems.keys()
    for problem in problems.values():
        a, b = problem.inputs
        assert a.shape[0] == b.shape[1]
    assert [spec.shape for spec in problems["size 1"].inputs] == [(1, 1), (1, 1)]
    assert problems["transposed storage"].inputs[0].strides == (1, problems["ragged"].inputs[0].shape[0])
    assert problems["sliced storage"].inputs[0].strides == (2 * problems["ragged"].inputs[0].shape[1], 2)


def test_slow_kernels_get_a_ragged_problem_of_their_own(seed_inputs: tuple[TensorSpec, ...]) -> None:
    sizes = {p.label: size_of(p) for p in small_problems(seed_inputs)}
    assert sizes["size 1"] < sizes["ragged small"] < sizes["ragged"] / 4


def test_the_main_problem_meets_every_distribution(seed_inputs: tuple[TensorSpec, ...]) -> None:
    problems = [p for p in small_problems(seed_inputs) if p.label in ("ragged", "ragged small")]
    calls = plan(problems, ("fp32", "fp16", "bf16"), main=problems[1])
    assert {p.problem for p in calls} == set(problems)
    assert calls[0].problem is problems[1]
    assert len({p.distribution for p in calls if p.problem is problems[1] and p.own}) >= 6
    assert sorted(p.dtype for p in calls if p.problem is problems[0]) == ["bf16", "f16", "f32"]


def test_python_numbers_follow_the_sizes_they_name() -> None:
    specs = (TensorSpec(name="x", dtype="f32", shape=(4096,)), TensorSpec(name="n=4096", dtype="python", shape=()))
    ragged = small_problems(specs)[0]
    assert ragged.inputs[1].name == f"n={ragged.inputs[0].shape[0]}"
    assert inputs.python_value(ragged.inputs[1]) == ragged.inputs[0].shape[0]


@given(st.floats(width=32, allow_nan=False))
def test_bfloat16_rounds_to_the_nearest(value: float) -> None:
    given_value = np.array([value], dtype=np.float32)
    rounded = round_to_bfloat16(given_value)
    assert (from_bfloat16_bits(bfloat16_bits(given_value)) == rounded).all()
    if np.isfinite(rounded).all() and abs(value) > 1e-37:
        assert abs(float(rounded[0]) - value) <= 2.0**-8 * abs(value) * (1 + 1e-6)


@pytest.mark.parametrize("distribution", [inputs.NORMAL, inputs.UNIFORM, inputs.WIDE, inputs.CANCELLING])
def test_values_depend_on_the_seed_alone(distribution: str) -> None:
    spec = (TensorSpec(name="x", dtype="f32", shape=(6, 7)), TensorSpec(name="i", dtype="i64", shape=(5,)))

    def draw(seed: int) -> list[np.ndarray]:
        return inputs.values_for(spec, ("f16", "i64"), distribution=distribution, seed=seed, salt="s")

    one, again, other = draw(1), draw(1), draw(2)
    assert (one[0] == again[0]).all()
    assert (one[0] != other[0]).any()
    assert (one[0] == one[0].astype(np.float16)).all()
    assert one[1].min() >= 0
    assert one[1].max() < 5


def measure(candidate: np.ndarray, oracle: np.ndarray, original: np.ndarray | None, precision: str) -> bool:
    results = budget.measure(
        candidate, oracle, original, None, dtype="f32", precision=precision, longest=64, moved_by=2.0**-16
    )
    return all(result.passed and not result.vacuous for result in results)


@pytest.mark.parametrize("precision", ["same", "no-worse", "tolerance"])
def test_budgets_admit_rounding_and_refuse_a_narrower_type(precision: str) -> None:
    oracle = np.random.default_rng(0).standard_normal((50, 40))
    single = oracle.astype(np.float32).astype(np.float64)
    half = oracle.astype(np.float16).astype(np.float64)
    assert measure(single, oracle, single, precision)
    assert measure(single, oracle, half, precision)
    assert not measure(half, oracle, single, precision)
    assert not measure(np.zeros_like(oracle), oracle, single, precision)
    assert not measure(np.full_like(oracle, np.nan), oracle, single, precision)


def test_a_constant_that_would_pass_is_told() -> None:
    oracle = 100.0 + 1e-3 * np.random.default_rng(0).standard_normal(200)
    (result,) = budget.measure(
        oracle, oracle, oracle, None, dtype="f16", precision="tolerance", longest=4, moved_by=2.0**-16
    )
    assert result.passed
    assert result.vacuous == "a constant would pass"


def run(worker: Worker, text: str, dtype: str, arithmetic: str, arrays: list[np.ndarray]) -> dict[str, np.ndarray]:
    specs = tuple(TensorSpec(name=f"x{i}", dtype=dtype, shape=array.shape) for i, array in enumerate(arrays))
    planned = Planned(name="p0", problem=Problem(inputs=specs), dtype=dtype, own=True, distribution=inputs.NORMAL)
    session = Session(Host(worker=worker), text, "ModelNew", seed=0, timeout_s=60)
    try:
        result = session.run([make_case(planned, arrays, {}, arithmetic=arithmetic)])["p0"]
    finally:
        session.close()
    assert result.ran, result.error
    return {name: leaf.values for name, leaf in result.outputs.items() if leaf.values is not None}


def test_the_widened_original_is_exact_to_its_output_rounding(worker: Worker, seed_text: str) -> None:
    rng = np.random.default_rng(3)
    a, b = (rng.standard_normal(shape).astype(np.float32) for shape in ((200, 52), (36, 200)))
    got = run(worker, seed_text, "f32", WIDENED, [a, b])["output"].astype(np.float64)
    exact = a.astype(np.float64).T @ b.astype(np.float64).T
    assert np.max(np.abs(got - exact) / np.maximum(np.abs(exact), 1e-3)) < 1e-6


BFLOAT16 = """
import torch
import triton
import triton.language as tl


@triton.jit
def add_kernel(x_ptr, y_ptr, z_ptr, n, BLOCK: tl.constexpr):
    o = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + o, mask=o < n, other=0.0)
    y = tl.load(y_ptr + o, mask=o < n, other=0.0)
    tl.store(z_ptr + o, tl.abs(x + y), mask=o < n)


class ModelNew(torch.nn.Module):
    def forward(self, x, y):
        z = torch.empty(x.shape, device="cuda", dtype=x.dtype)
        assert x.is_cuda and x.device.type == "cuda" and torch.cuda.is_available()
        add_kernel[(1,)](x, y.cuda(), z, x.numel(), BLOCK=128)
        return z
"""


def test_bfloat16_is_added_as_numbers(worker: Worker) -> None:
    rng = np.random.default_rng(4)
    x, y = (round_to_bfloat16(rng.standard_normal(100)) for _ in range(2))
    got = run(worker, BFLOAT16, "bf16", "modelled", [x, y])["output"]
    assert (got == np.abs(round_to_bfloat16(x + y))).all()


LAYERNORM = """
import torch
import triton
import triton.language as tl


@triton.jit
def norm_kernel(x_ptr, w_ptr, y_ptr, n, eps, BLOCK: tl.constexpr):
    row = tl.program_id(0)
    o = tl.arange(0, BLOCK)
    x = tl.load(x_ptr + row * n + o, mask=o < n, other=0.0).to(tl.float32)
    d = tl.where(o < n, x - tl.sum(x, axis=0) / n, 0.0)
    y = d * tl.rsqrt(tl.sum(d * d, axis=0) / n + eps) * tl.load(w_ptr + o, mask=o < n)
    tl.store(y_ptr + row * n + o, y.to(y_ptr.dtype.element_ty), mask=o < n)


class ModelNew(torch.nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.empty(n))

    def forward(self, x):
        x = x.contiguous()
        y = torch.empty_like(x)
        norm_kernel[(x.shape[0],)](x, self.weight, y, x.shape[1], 1e-5, BLOCK=triton.next_power_of_2(x.shape[1]))
        return y
"""
REFERENCE = """
import torch


class Model(torch.nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.ones(n))

    def forward(self, x):
        return torch.nn.functional.layer_norm(x, (x.shape[1],), self.weight, None, 1e-5)
"""


def test_state_is_shared_and_a_reference_is_the_oracle(worker: Worker, source: Callable[[str], KernelSource]) -> None:
    from tilewright.prove import Prover

    specs = (TensorSpec(name="x", dtype="f32", shape=(40, 52)),)
    problems = [Problem(inputs=specs, init_arguments=(52,), label="ragged")]
    prover = Prover(source(LAYERNORM), problems=problems, reference=REFERENCE, dtypes=("fp32", "bf16"), worker=worker)
    verdict = prover.prove(source(LAYERNORM.replace("d * tl.rsqrt(", "d / tl.sqrt(")))
    assert verdict.status.value == "proved", verdict.reason
    verdict = prover.prove(source(LAYERNORM.replace("1e-5", "1e-2")))
    assert verdict.status.value == "refuted"
    verdict = prover.prove(source(LAYERNORM.replace("tl.load(w_ptr + o, mask=o < n)", "1.0")))
    assert verdict.status.value == "refuted"
