"""Each distribution is what its name says, and depends on the seed alone."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tilewright.prove import inputs
from tilewright.prove.halves import LARGEST, round_to
from tilewright.records.source import TensorSpec

FLOATS = ("f32", "f16", "bf16", "f64")
ALL = (*inputs.TELLING, *inputs.EXTREME, *inputs.FOLDED)
SMALLEST_NORMAL = {"f32": 2.0**-126, "f16": 2.0**-14, "bf16": 2.0**-126, "f64": 2.0**-1022}


def draw(distribution: str, dtype: str, *shapes: tuple[int, ...], seed: int = 3) -> list[np.ndarray]:
    specs = [TensorSpec(name=f"x{i}", dtype=dtype, shape=shape) for i, shape in enumerate(shapes)]
    values = inputs.values_for(specs, [dtype] * len(specs), distribution=distribution, seed=seed, salt="s")
    return [value for value in values if isinstance(value, np.ndarray)]


@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("distribution", ALL)
def test_values_fit_their_dtype_and_depend_on_the_seed(distribution: str, dtype: str) -> None:
    one, again, other = (draw(distribution, dtype, (40, 36), (36, 20), seed=seed) for seed in (1, 1, 2))
    for index in range(2):
        assert np.array_equal(one[index], again[index], equal_nan=True)
        assert not np.array_equal(one[index], other[index], equal_nan=True)
        assert np.array_equal(one[index], round_to(one[index], dtype), equal_nan=True)
    if distribution != inputs.NON_FINITE:
        assert all(np.isfinite(value).all() for value in one)


@pytest.mark.parametrize("dtype", ["f32", "f16", "bf16"])
def test_extremes_reach_where_they_claim(dtype: str) -> None:
    (tiny, other), (huge, _), (denormal, _) = (
        draw(name, dtype, (64, 80), (80, 48)) for name in (inputs.TINY, inputs.HUGE, inputs.DENORMAL)
    )
    assert SMALLEST_NORMAL[dtype] < np.median(np.abs(tiny)) < 2.0**30 * SMALLEST_NORMAL[dtype]
    assert 0.1 < np.std(other) < 10
    assert np.max(np.abs(huge)) > LARGEST[dtype] / 1000
    assert 0 < np.max(np.abs(denormal)) < SMALLEST_NORMAL[dtype]
    assert (denormal != 0).mean() > 0.9


@given(st.integers(1, 4096), st.sampled_from(["f32", "f16", "bf16"]), st.integers(0, 9))
def test_sums_of_huge_products_do_not_overflow(length: int, dtype: str, seed: int) -> None:
    a, b = draw(inputs.HUGE, dtype, (4, length), (length, 4), seed=seed)
    sums = np.abs(np.cumsum(a.astype(np.float64)[:, :, None] * b.astype(np.float64)[None], axis=1))
    assert np.max(sums) < LARGEST[dtype]


@given(st.sampled_from(["f32", "f16", "bf16"]), st.integers(0, 99))
def test_whole_numbers_and_their_products_are_exact_in_float16_and_tf32(dtype: str, seed: int) -> None:
    (values,) = draw(inputs.WHOLE, dtype, (20, 30), seed=seed)
    assert np.array_equal(values, np.round(values))
    assert np.array_equal(values, round_to(values, "f16"))
    assert np.array_equal(values, round_to(values, "bf16"))
    assert np.max(np.abs(values)) ** 2 * 2**10 < 2**24


def test_signed_zeros_constant_rows_sparse_and_mixed_scales() -> None:
    zeros, constant, sparse, mixed = (
        draw(name, "f32", (50, 60))[0] for name in (inputs.ZEROS, inputs.CONSTANT, inputs.SPARSE, inputs.MIXED)
    )
    is_zero = zeros == 0
    assert 0.1 < (is_zero & np.signbit(zeros)).mean() < 0.4
    assert 0.1 < (is_zero & ~np.signbit(zeros)).mean() < 0.4
    assert (constant == constant[:, :1]).all()
    assert len(np.unique(constant[:, 0])) == 50
    assert 0.8 < (sparse == 0).mean() < 0.97
    for axis in (0, 1):
        norms = np.sqrt(np.mean(mixed**2, axis=axis))
        assert norms.max() > 1000 * norms.min()


@pytest.mark.parametrize("shape", [(1,), (300,), (1, 1), (200, 140), (3, 70, 70)])
def test_non_finite_values_stand_at_corners_and_block_boundaries(shape: tuple[int, ...]) -> None:
    rows: set[int] = set()
    columns: set[int] = set()
    for seed in range(12):
        (values,) = draw(inputs.NON_FINITE, "f32", shape, seed=seed)
        matrix = values.reshape(-1, shape[-1])
        places = np.argwhere(~np.isfinite(matrix))
        assert 1 <= len(places) <= max(1, max(matrix.shape) // 4)
        assert not np.isfinite(matrix[0, 0])
        rows |= {int(row) for row, _ in places}
        columns |= {int(column) for _, column in places}
    for found, size in ((rows, matrix.shape[0]), (columns, matrix.shape[1])):
        if matrix.size > 4:
            assert size - 1 in found
        assert {edge for edge in (63, 64, 127, 128) if edge < size - 1} <= found


@pytest.mark.parametrize(("distribution", "axis"), [(inputs.EXTREME_ROWS, 1), (inputs.EXTREME_COLUMNS, 0)])
def test_folded_extremes_keep_to_rows_or_columns(distribution: str, axis: int) -> None:
    (values,) = draw(distribution, "f32", (40, 40))
    sizes = np.max(np.abs(values), axis=axis)
    assert (sizes < SMALLEST_NORMAL["f32"]).sum() == 5
    assert (sizes > 1e30).sum() == 5
    assert ((sizes > 0.1) & (sizes < 10)).sum() >= 15


def test_integers_are_indices_or_of_full_range() -> None:
    specs = (TensorSpec(name="x", dtype="f32", shape=(30, 9)), TensorSpec(name="i", dtype="i32", shape=(500,)))
    for distribution, low, high in ((inputs.NORMAL, 0, 9), (inputs.FULL_RANGE, -(2**31), 2**31)):
        values = inputs.values_for(specs, ("f32", "i32"), distribution=distribution, seed=0, salt="s")[1]
        assert isinstance(values, np.ndarray)
        assert low <= values.min()
        assert values.max() < high
        assert int(values.max()) - int(values.min()) > 0.9 * (high - low - 1)


def test_expanded_views_hold_equal_values() -> None:
    spec = TensorSpec(name="x", dtype="f32", shape=(5, 7), strides=(0, 1))
    (values,) = inputs.values_for([spec], ["f32"], distribution=inputs.NORMAL, seed=0, salt="s")
    assert isinstance(values, np.ndarray)
    assert (values == values[:1]).all()
    assert len(np.unique(values)) == 7


def test_an_unknown_distribution_is_an_error() -> None:
    with pytest.raises(ValueError, match="no distribution 'odd'"):
        draw("odd", "f32", (3,))
    with pytest.raises(ValueError, match="no distribution"):
        draw(inputs.REFERENCE, "f32", (3,))
