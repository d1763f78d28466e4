"""Layouts and real sizes."""

from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st

from tilewright.prove.problems import WHOLE_ROWS, real_problems, small_problems
from tilewright.records.source import TensorSpec

SIZES = st.sampled_from([1, 3, 16, 17, 64, 100, 768, 1024, 4096])


def test_misaligned_and_expanded_views(seed_inputs: tuple[TensorSpec, ...]) -> None:
    problems = {problem.label: problem for problem in small_problems(seed_inputs)}
    assert [spec.offset for spec in problems["misaligned"].inputs] == [1, 1]
    assert all(spec.strides is None for spec in problems["misaligned"].inputs)
    assert [spec.strides for spec in problems["expanded"].inputs] == [(0, 1), (0, 1)]
    assert {spec.offset for p in problems.values() if p.label != "misaligned" for spec in p.inputs} == {0}


def test_what_stands_in_for_ragged_problems_has_rows_of_whole_16_bytes(seed_inputs: tuple[TensorSpec, ...]) -> None:
    problems = {problem.label: problem for problem in small_problems(seed_inputs)}
    shapes = [spec.shape for spec in problems[WHOLE_ROWS].inputs]
    assert all(size % 16 == 0 for shape in shapes for size in shape)
    assert all(size % 64 for shape in shapes for size in shape)
    assert len({size for shape in shapes for size in shape}) == 3


def test_real_sizes_of_a_matrix_product(seed_inputs: tuple[TensorSpec, ...]) -> None:
    stated, ragged = real_problems(seed_inputs, (8192, "keep"))
    assert stated.inputs == seed_inputs
    assert ragged.label == "as stated, ragged"
    (k, m), (n, k_again) = (spec.shape for spec in ragged.inputs)
    assert k == k_again == ragged.init_arguments[0]
    assert all(size % 2 for size in (k, m, n))
    assert all(0 < old - new < 10 for old, new in ((8192, k), (2048, m), (4096, n)))


def test_one_dimension_grows_where_memory_allows(seed_inputs: tuple[TensorSpec, ...]) -> None:
    assert len(real_problems(seed_inputs, bytes_available=10**9)) == 2
    grown = real_problems(seed_inputs, bytes_available=10**11)[-1]
    assert grown.label == "beyond 2^31"
    assert 2**31 < max(math.prod(spec.shape) for spec in grown.inputs) < 2**31 * 1.01
    assert grown.inputs[0].shape[0] == grown.inputs[1].shape[1]


@given(st.lists(st.lists(SIZES, min_size=1, max_size=4), min_size=1, max_size=3))
def test_equal_sizes_stay_equal_and_growth_passes_the_limit(shapes: list[list[int]]) -> None:
    specs = tuple(TensorSpec(name=f"x{i}", dtype="f16", shape=tuple(shape)) for i, shape in enumerate(shapes))
    for problem in real_problems(specs, bytes_available=2**62):
        mapped: dict[int, int] = {}
        for before, after in zip(specs, problem.inputs, strict=True):
            for old, new in zip(before.shape, after.shape, strict=True):
                assert new >= 1
                assert mapped.setdefault(old, new) == new
        if problem.label == "beyond 2^31":
            assert max(math.prod(spec.shape) for spec in problem.inputs) > 2**31
