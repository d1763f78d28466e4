"""What fails by chance is drawn again, and what fails for a reason still fails."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from tilewright.prove import Prover, budget, small_problems
from tilewright.prove.draws import Draw, f_quantile, pooled
from tilewright.prove.redraw import DRAWS
from tilewright.records.source import KernelSource, TensorSpec
from tilewright.records.verdict import Status, Verdict
from tilewright.workers import Worker

Change = Callable[..., str]
Source = Callable[[str], KernelSource]

CUT = """
import torch
import triton
import triton.language as tl


@triton.jit
def matmul_kernel(
    a_ptr, b_ptr, c_ptr, M, N, K, sam, sak, sbk, sbn, BM: tl.constexpr, BN: tl.constexpr, BK: tl.constexpr
):
    offs_m = tl.program_id(0) * BM + tl.arange(0, BM)
    offs_n = tl.program_id(1) * BN + tl.arange(0, BN)
    acc = tl.zeros((BM, BN), dtype=tl.float32)
    for k in range(0, K, BK):
        offs_k = k + tl.arange(0, BK)
        inside_m, inside_k, inside_n = offs_m < M, offs_k < K, offs_n < N
        a = tl.load(a_ptr + offs_m[:, None] * sam + offs_k[None, :] * sak, inside_m[:, None] & inside_k[None, :], 0.0)
        b = tl.load(b_ptr + offs_k[:, None] * sbk + offs_n[None, :] * sbn, inside_k[:, None] & inside_n[None, :], 0.0)
        acc = tl.dot(a, b, acc)
    inside = (offs_m < M)[:, None] & (offs_n < N)[None, :]
    tl.store(c_ptr + offs_m[:, None] * N + offs_n[None, :], acc, inside)


class ModelNew(torch.nn.Module):
    def forward(self, A, B):
        (M, K), N = A.shape, B.shape[1]
        C = torch.empty((M, N), device=A.device, dtype=A.dtype)
        grid = (triton.cdiv(M, 32), triton.cdiv(N, 32))
        matmul_kernel[grid](A, B, C, M, N, K, *A.stride(), *B.stride(), BM=32, BN=32, BK=32)
        return C
"""
"""TF32: operands are cut to 10 bits."""
ROUND = """@triton.jit
def rounded(x, BITS: tl.constexpr):
    bits = x.to(tl.int32, bitcast=True)
    return ((bits + (1 << (22 - BITS))) & -(1 << (23 - BITS))).to(tl.float32, bitcast=True)


@triton.jit
def matmul_kernel("""
INPUTS = (TensorSpec(name="A", dtype="f32", shape=(512, 1024)), TensorSpec(name="B", dtype="f32", shape=(1024, 256)))
PROBLEMS = [p for p in small_problems(INPUTS) if p.label in ("ragged", "ragged small", "expanded")]
OVER = f"root mean square over {1 + DRAWS} draws"


def rounding(change: Change, bits: int) -> str:
    """The same with operands that are rounded to the nearest number of ``bits`` bits."""
    return change(
        CUT,
        ("@triton.jit\ndef matmul_kernel(", ROUND),
        ("tl.dot(a, b, acc)", f"tl.dot(rounded(a, {bits}), rounded(b, {bits}), acc)"),
    )


def rounding_small(change: Change, bits: int) -> str:
    """As exact as that with 10 bits on the main problem, which is called twice, and less so on the small ones."""
    return change(
        rounding(change, 10),
        ("rounded(a, 10), rounded(b, 10)", "rounded(a, BITS), rounded(b, BITS)"),
        ("BK: tl.constexpr\n", "BK: tl.constexpr, BITS: tl.constexpr\n"),
        ("BK=32)", f"BK=32, BITS=10 if M > 50 else {bits})"),
    )


@pytest.fixture(scope="module")
def prover(worker: Worker, source: Source) -> Callable[[int], Prover]:
    """The kernel that cuts, ready to be compared with others on the values of a seed."""

    @functools.cache
    def made(seed: int) -> Prover:
        return Prover(source(CUT), problems=PROBLEMS, dtypes=("fp32",), worker=worker, seed=seed, timeout_s=300)

    return made


def looked_again(verdict: Verdict) -> bool:
    return any(OVER in check.detail for check in verdict.checks)


@pytest.mark.parametrize("seed", [1, 6])
def test_errors_that_are_distributed_as_the_originals_pass(
    prover: Callable[[int], Prover], source: Source, change: Change, seed: int
) -> None:
    verdict = prover(seed).prove(source(rounding(change, 10)))
    assert verdict.status is Status.PROVED, verdict.reason
    # by seed 1 nothing fails at first
    assert looked_again(verdict) == (seed != 1)
    for check in verdict.checks:
        assert check.passed
        if OVER in check.detail:
            assert "one draw: " in check.detail


def test_what_is_less_exact_is_refuted_by_all_draws_together(
    prover: Callable[[int], Prover], source: Source, change: Change
) -> None:
    verdict = prover(6).prove(source(rounding_small(change, 7)))
    assert verdict.status is Status.REFUTED
    assert OVER in verdict.reason
    assert "one draw: " in verdict.reason
    failed = [check for check in verdict.checks if OVER in check.detail]
    assert all(
        check.original_error is not None and check.error > check.bound > check.original_error for check in failed
    )


def test_an_error_far_beyond_chance_is_refuted_at_once(
    prover: Callable[[int], Prover], source: Source, change: Change
) -> None:
    verdict = prover(6).prove(source(rounding_small(change, 2)))
    assert verdict.status is Status.REFUTED
    assert not looked_again(verdict)


TURNS = (
    ("class ModelNew", "calls = [0]\n\n\nclass ModelNew"),
    ("        grid =", "        calls[0] += 1\n        grid ="),
    ("BITS=10 if M > 50 else 7", "BITS=10 if calls[0] <= MOST else 6"),
)


def test_what_is_exact_at_first_and_bad_in_later_draws_is_refuted(
    prover: Callable[[int], Prover], source: Source, change: Change
) -> None:
    against = prover(6)
    for most, status in (
        (1 << 20, Status.PROVED),
        (_first_calls(against, source(rounding(change, 10))), Status.REFUTED),
    ):
        text = change(change(rounding_small(change, 7), *TURNS), ("MOST", str(most)))
        verdict = against.prove(source(text))
        assert verdict.status is status, verdict.reason
        assert looked_again(verdict)


def _first_calls(against: Prover, candidate: KernelSource) -> int:
    """Calls before a second look: 24 more than cases, and one, where the tensors are worn."""
    assert against.prove(candidate).status is Status.PROVED
    (ran,) = against.parts["workers"]  # type: ignore[misc]
    return 25 + sum(not name.startswith("again") for name in ran["cases"])


def test_precision_same_knows_no_second_look(worker: Worker, source: Source, change: Change) -> None:
    same = Prover(source(CUT), problems=PROBLEMS, dtypes=("fp32",), worker=worker, seed=5, precision="same")
    verdict = same.prove(source(rounding_small(change, 7)))
    assert verdict.status is Status.REFUTED
    assert not looked_again(verdict)


def drawn(rng: np.random.Generator, candidate: float, *, few: bool) -> Draw:
    """An output whose rows share one error, or whose elements have one each."""
    exact = rng.standard_normal((20, 30))
    errors = rng.standard_normal((2, 1 if few else 20, 1 if few else 30)) * np.ones_like(exact) * 1e-3
    return Draw(
        candidate=(exact + candidate * errors[0]).astype(np.float32),
        oracle=exact,
        original=(exact + errors[1]).astype(np.float32),
        moved=None,
        keep=None,
    )


@pytest.mark.parametrize(
    ("times", "few", "least", "most"),
    [(1.0, True, 95, 100), (1.0, False, 95, 100), (1.3, False, 0, 2), (5.0, True, 0, 10)],
)
def test_how_often_a_candidate_passes_whose_errors_are_as_many_times_the_originals(
    times: float, few: bool, least: int, most: int
) -> None:
    passed = 0
    for seed in range(100):
        rng = np.random.default_rng(seed)
        draws = [drawn(rng, times, few=few) for _ in range(1 + DRAWS)]
        found = pooled(draws, dtype="f32", longest=30, repeated=False, moved_by=2.0**-16)
        passed += found[budget.FROBENIUS].passed
    assert least <= passed <= most


def test_a_small_row_counts_over_all_draws() -> None:
    rng = np.random.default_rng(0)
    draws = []
    for _ in range(1 + DRAWS):
        one = drawn(rng, 1.0, few=False)
        for array in (one.candidate, one.oracle, one.original):
            array[3] *= 1e-4
        one.candidate[3] += (1e-5 * rng.standard_normal(30)).astype(np.float32)
        draws.append(one)
    found = pooled(draws, dtype="f32", longest=30, repeated=False, moved_by=2.0**-16)
    assert found[budget.FROBENIUS].passed
    assert not found[budget.SLICE].passed
    assert not found[budget.LOCAL].passed


def test_elements_that_do_not_count_and_nan_that_does() -> None:
    rng = np.random.default_rng(1)
    draws = [drawn(rng, 1.0, few=False) for _ in range(1 + DRAWS)]
    keep = np.ones((20, 30), bool)
    keep[4, 5] = False
    for one in draws:
        one.candidate[4, 5] = np.nan
    masked = [replace(one, keep=keep) for one in draws]
    arguments: dict[str, object] = {"dtype": "f32", "longest": 30, "repeated": False, "moved_by": 2.0**-16}
    assert all(each.passed for each in pooled(masked, **arguments).values())  # type: ignore[arg-type]
    assert not any(each.passed for each in pooled(draws, **arguments).values())  # type: ignore[arg-type]


@pytest.mark.parametrize(("freedom", "tabled"), [(9, 5.35), (10, 4.85), (20, 2.94), (60, 1.84), (120, 1.53)])
def test_the_f_distribution_is_as_in_its_tables(freedom: int, tabled: float) -> None:
    """Upper 1 % points: E. S. Pearson and H. O. Hartley, "Biometrika Tables for Statisticians" 1, table 18."""
    assert f_quantile(freedom) == pytest.approx(tabled, rel=0.01)
