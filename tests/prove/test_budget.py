"""The error budget admits other orders of summation, and nothing that computes less."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tilewright.prove import budget
from tilewright.prove.budget import ELEMENT, FROBENIUS, LOCAL, SLICE, Measured
from tilewright.prove.halves import Array, round_to, round_to_bfloat16

MOVED_BY = 2.0**-16
SHAPES = st.sampled_from([(1,), (7,), (200,), (40, 50), (20, 3), (3, 18, 33), (100, 1)])


def truncated(values: Array) -> Array:
    """To the operands of TF32."""
    bits = np.ascontiguousarray(values, dtype=np.float32).view(np.uint32) & np.uint32(0xFFFFE000)
    return bits.view(np.float32)


def summed(a: Array, b: Array, *, parts: int = 1) -> Array:
    """A product in float32, term by term, in so many partial sums."""
    sums = np.zeros((parts, a.shape[0], b.shape[1]), dtype=np.float32)
    for k in range(a.shape[1]):
        sums[k % parts] += a[:, k, None] * b[None, k, :]
    return np.asarray(np.add.reduce(sums, axis=0))


def half_summed(a: Array, b: Array) -> Array:
    """A product whose sum is carried in float16 from block to block."""
    total = np.zeros((a.shape[0], b.shape[1]), dtype=np.float16)
    for k in range(0, a.shape[1], 32):
        total = (total.astype(np.float32) + a[:, k : k + 32] @ b[k : k + 32]).astype(np.float16)
    return total.astype(np.float32)


class Product:
    """A matrix product with its oracle, moved oracle and original."""

    def __init__(self, m: int, k: int, n: int, *, spread: int = 0, whole: bool = False, tf32: bool = False) -> None:
        rng = np.random.default_rng([m, k, n, spread])
        draw = (lambda shape: rng.integers(-64, 65, shape)) if whole else rng.standard_normal
        scale = [np.exp2(rng.integers(-spread, spread + 1, shape)) for shape in ((m, 1), (1, n))]
        self.a = np.asarray(draw((m, k)) * scale[0], dtype=np.float32)
        self.b = np.asarray(draw((k, n)) * scale[1], dtype=np.float32)
        self.longest = k
        wide = [value.astype(np.float64) for value in (self.a, self.b)]
        self.oracle = wide[0] @ wide[1]
        moved = [value * (1 + MOVED_BY * rng.choice((-1, 1), value.shape)) for value in wide]
        self.moved = moved[0] @ moved[1]
        cut = truncated if tf32 else np.asarray
        self.operands = (cut(self.a), cut(self.b))
        self.original = summed(*self.operands)

    def measure(self, candidate: Array, precision: str = "no-worse") -> list[Measured]:
        return budget.measure(
            candidate,
            self.oracle,
            self.original,
            self.moved,
            dtype="f32",
            precision=precision,
            longest=self.longest,
            moved_by=MOVED_BY,
        )

    def refuted_by(self, candidate: Array, precision: str = "no-worse") -> set[str]:
        return {result.measure for result in self.measure(candidate, precision) if not result.passed}


SIZES = [(52, 100, 36), (19, 13, 11), (64, 257, 40), (200, 17, 150)]


@pytest.mark.parametrize("precision", ["same", "no-worse"])
@pytest.mark.parametrize("spread", [0, 12])
@pytest.mark.parametrize("size", SIZES)
def test_other_orders_of_summation_are_admitted(size: tuple[int, int, int], spread: int, precision: str) -> None:
    product = Product(*size, spread=spread)
    for parts in (2, 3, 16):
        assert not product.refuted_by(summed(product.a, product.b, parts=parts), precision)
    assert not product.refuted_by(product.a @ product.b, precision)
    tf32 = Product(*size, spread=spread, tf32=True)
    assert not tf32.refuted_by(summed(*tf32.operands, parts=4))
    assert not tf32.refuted_by(summed(tf32.a, tf32.b))


@pytest.mark.parametrize("spread", [0, 12])
@pytest.mark.parametrize("size", SIZES)
def test_narrower_arithmetic_is_refuted(size: tuple[int, int, int], spread: int) -> None:
    product = Product(*size, spread=spread)
    everything = {FROBENIUS, ELEMENT, SLICE} if min(size) >= 16 else {FROBENIUS, ELEMENT}
    assert everything <= product.refuted_by(summed(truncated(product.a), truncated(product.b)))
    assert everything <= product.refuted_by(round_to_bfloat16(product.original))
    assert everything <= product.refuted_by(round_to(product.original, "f16"))


def test_a_half_accumulator_shows_beside_the_error_of_tf32() -> None:
    product = Product(128, 256, 96, tf32=True)
    assert FROBENIUS in product.refuted_by(half_summed(*product.operands))
    # whole numbers leave TF32 no error to hide behind
    whole = Product(52, 100, 36, whole=True, tf32=True)
    assert np.array_equal(whole.original, whole.oracle)
    (frobenius, *_) = whole.measure(half_summed(*whole.operands))
    assert frobenius.error > 100 * frobenius.bound


@pytest.mark.parametrize("tf32", [False, True])
def test_small_rows_and_elements_count_as_much_as_large_ones(tf32: bool) -> None:
    product = Product(60, 100, 50, spread=12, tf32=tf32)
    sizes = [np.sum(np.square(product.oracle), axis=axis) for axis in (1, 0)]
    row, column = (int(np.argmin(size)) for size in sizes)
    wrong_row, wrong_column, wrong_element = (product.original.copy() for _ in range(3))
    wrong_row[row] = 0
    wrong_column[:, column] *= 1.01
    wrong_element[row, column] *= -1
    results = {m.measure: m for m in product.measure(wrong_row)}
    assert results[FROBENIUS].passed
    assert not results[SLICE].passed
    assert results[SLICE].note == f"row [{row}]"
    assert results[SLICE].worst_index[0] == row
    assert SLICE in product.refuted_by(wrong_column)
    assert product.refuted_by(wrong_element) == {LOCAL}
    (local,) = (m for m in product.measure(wrong_element) if not m.passed)
    assert local.worst_index == (row, column)


def test_one_wrong_element_among_a_million() -> None:
    rng = np.random.default_rng(1)
    oracle = rng.standard_normal((1000, 1000))
    single = oracle.astype(np.float32)
    wrong = single.copy()
    wrong[123, 456] *= 1.001
    results = measure(wrong, oracle, single)
    assert {(123, 456)} == {m.worst_index for m in results if m.measure in (ELEMENT, LOCAL)}
    assert {m.measure for m in results if not m.passed} >= {ELEMENT, LOCAL}


def measure(candidate: Array, oracle: Array, original: Array | None, **changes: object) -> list[Measured]:
    arguments = {"dtype": "f32", "precision": "no-worse", "longest": 64, "moved_by": MOVED_BY, **changes}
    return budget.measure(candidate, oracle, original, None, **arguments)  # type: ignore[arg-type]


def example(shape: tuple[int, ...], seed: int) -> tuple[Array, Array, Array]:
    rng = np.random.default_rng(seed)
    oracle = rng.standard_normal(shape)
    original, candidate = (oracle * (1 + 1e-7 * rng.standard_normal(shape)) for _ in range(2))
    return candidate, oracle, original


@given(SHAPES, st.integers(0, 99), st.integers(-60, 60), st.booleans())
def test_powers_of_two_change_nothing(shape: tuple[int, ...], seed: int, exponent: int, alone: bool) -> None:
    arrays = example(shape, seed)
    scaled = [array * 2.0**exponent for array in arrays]
    if alone:
        arrays, scaled = (*arrays[:2], None), [*scaled[:2], None]  # type: ignore[assignment]
    for one, other in zip(measure(*arrays), measure(*scaled), strict=True):
        assert one.error == pytest.approx(other.error, rel=1e-9)
        assert one.bound == pytest.approx(other.bound, rel=1e-6)
        assert one.passed == other.passed


@given(st.integers(0, 99))
def test_the_order_of_rows_and_columns_changes_nothing(seed: int) -> None:
    rng = np.random.default_rng(seed)
    arrays = example((40, 50), seed)
    rows, columns = rng.permutation(40), rng.permutation(50)
    shuffled = [array[rows][:, columns] for array in arrays]
    for one, other in zip(measure(*arrays), measure(*shuffled), strict=True):
        assert one.error == pytest.approx(other.error, rel=1e-9)
        assert one.bound == pytest.approx(other.bound, rel=1e-9)


@given(SHAPES, st.integers(0, 99), st.floats(1.5, 1e6), st.sampled_from(["same", "no-worse", "tolerance"]))
def test_a_larger_error_is_never_nearer_to_its_bound(
    shape: tuple[int, ...], seed: int, factor: float, precision: str
) -> None:
    candidate, oracle, original = example(shape, seed)
    worse = oracle + factor * (candidate - oracle)
    before, after = (measure(each, oracle, original, precision=precision) for each in (candidate, worse))
    for one, other in zip(before, after, strict=True):
        if one.measure == SLICE:
            # the slice that is reported may be another one
            assert other.error / other.bound >= one.error / one.bound
        else:
            assert other.error >= one.error
        assert one.passed or not other.passed


@settings(max_examples=60)
@given(
    SHAPES,
    st.integers(0, 99),
    st.sampled_from(["f32", "f16", "bf16"]),
    st.sampled_from(["same", "no-worse"]),
    st.booleans(),
)
def test_zeros_never_pass_unless_that_is_said(
    shape: tuple[int, ...], seed: int, dtype: str, precision: str, alone: bool
) -> None:
    _, oracle, _ = example(shape, seed)
    original = None if alone else round_to(oracle, dtype)
    for result in measure(np.zeros(shape), oracle, original, dtype=dtype, precision=precision):
        assert not result.passed or result.vacuous == "zeros would pass" or result.measure == LOCAL
    honest = measure(round_to(oracle, dtype), oracle, original, dtype=dtype, precision=precision)
    assert all(result.passed and not result.vacuous for result in honest if np.size(oracle) > 1)


def test_zeros_pass_only_where_the_answer_is_zero() -> None:
    nothing = np.zeros((20, 30))
    results = measure(nothing, nothing, nothing)
    assert all(result.passed and result.vacuous for result in results)
    assert not any(result.passed for result in measure(nothing + 1e-30, nothing, nothing)[:2])


def test_slices_in_which_zeros_would_pass_are_counted() -> None:
    candidate, oracle, original = example((40, 50), 0)
    original[:3] = 0.0
    (sliced,) = (m for m in measure(candidate, oracle, original) if m.measure == SLICE)
    assert "zeros would pass in 3 of 90 slices" in sliced.note
    assert not sliced.vacuous


def test_zeros_inside_the_absolute_tolerance_are_told() -> None:
    _, oracle, original = example((40, 50), 0)
    (small,) = measure(0 * oracle, 1e-5 * oracle, 1e-5 * original, precision="tolerance")
    assert small.passed
    assert small.vacuous == "zeros would pass"
    (large,) = measure(0 * oracle, oracle, original, precision="tolerance")
    assert not large.passed


def test_a_vector_is_measured_in_groups_of_like_size() -> None:
    rng = np.random.default_rng(0)
    oracle = rng.standard_normal(640) * np.exp2(rng.integers(-40, 1, 640))
    single = oracle.astype(np.float32)
    wrong = single.copy()
    smallest = np.argsort(np.abs(oracle))[:16]
    wrong[smallest] = 0
    assert {m.measure for m in measure(wrong, oracle, single) if not m.passed} == {SLICE}
    (sliced,) = (m for m in measure(wrong, oracle, single) if not m.passed)
    assert sliced.worst_index[0] in smallest


@given(st.integers(0, 30), st.sampled_from(["no-worse", "same", "tolerance"]))
def test_what_is_not_kept_does_not_matter(seed: int, precision: str) -> None:
    rng = np.random.default_rng(seed)
    shape = (40, 50)
    candidate, oracle, original = example(shape, seed)
    keep = rng.random(shape) < 0.9
    spoiled = [
        np.where(keep, array, value) for array, value in ((candidate, np.nan), (oracle, np.inf), (original, 7.0))
    ]
    other = [np.where(keep, array, 0.0) for array in (candidate, oracle, original)]
    results = measure(*spoiled, precision=precision, keep=keep)
    assert all(result.passed for result in results)
    assert results == measure(*other, precision=precision, keep=keep)
    assert all(keep[m.worst_index] for m in results if m.worst_index and m.error)


def test_nothing_left_is_said() -> None:
    candidate, oracle, original = example((4, 5), 0)
    for precision in ("no-worse", "tolerance"):
        results = measure(candidate, oracle, original, precision=precision, keep=np.zeros((4, 5), dtype=bool))
        assert {result.vacuous for result in results} == {"the output is empty"}


@pytest.mark.parametrize("bad", [np.nan, np.inf])
@pytest.mark.parametrize("shape", [(40, 50), (50,), (1,)])
def test_what_is_not_a_number_fails(shape: tuple[int, ...], bad: float) -> None:
    candidate, oracle, original = example(shape, 0)
    candidate.reshape(-1)[0] = bad
    for result in measure(candidate, oracle, original):
        assert not result.passed


def test_no_candidate_widens_its_own_bound() -> None:
    candidate, oracle, original = example((100, 100), 0)
    bound = measure(candidate, oracle, original)[0].bound
    for spoil in (1e-3, 1.0, 1e9):
        wrong = candidate.copy()
        wrong[5, 5] += spoil
        results = measure(wrong, oracle, original)
        assert results[0].bound <= 1.3 * bound
        assert not all(result.passed for result in results)
