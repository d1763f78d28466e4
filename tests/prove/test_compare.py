"""Arrays in, Checks out: facts about outputs beside their errors."""

from __future__ import annotations

import numpy as np
import pytest

from tilewright.prove import inputs
from tilewright.prove.compare import Baseline, Judged, compare
from tilewright.prove.halves import Array
from tilewright.prove.plan import Planned
from tilewright.prove.results import Leaf, Result
from tilewright.records.problem import Problem
from tilewright.records.source import TensorSpec


def ran(values: Array, dtype: str = "f32", *, contiguous: bool = True) -> Result:
    return Result(
        kind="ran", outputs={"output": Leaf(name="output", dtype=dtype, values=values, contiguous=contiguous)}
    )


def judged(
    candidate: Result,
    original: Result | None,
    truth: Array,
    *,
    distribution: str = inputs.NORMAL,
    precision: str = "no-worse",
    strides: tuple[int, ...] | None = None,
) -> list[Judged]:
    spec = TensorSpec(name="x", dtype="f32", shape=(40, 30), strides=strides)
    planned = Planned(
        name="p0_f32_0", problem=Problem(inputs=(spec,)), dtype="f32", own=True, distribution=distribution
    )
    baseline = Baseline(planned=planned, values=[], oracle=ran(truth, "f64"), moved_oracle=None, original=original)
    return compare(baseline, candidate, precision)


@pytest.fixture
def truth() -> Array:
    return np.random.default_rng(0).standard_normal((40, 30))


def test_agreement_is_four_checks(truth: Array) -> None:
    single = truth.astype(np.float32)
    results = judged(ran(single), ran(single), truth)
    assert [item.check.name.partition(": ")[2] for item in results] == [
        "relative Frobenius error",
        "largest error / rms",
        "worst slice, relative error",
        "largest error / local scale",
    ]
    assert all(item.check.passed and not item.vacuous for item in results)


def test_a_layout_that_the_original_does_not_have_is_refused(truth: Array) -> None:
    single = truth.astype(np.float32)
    turned = ran(single, contiguous=False)
    (found,) = judged(turned, ran(single), truth)
    assert (found.check.name, found.check.passed) == ("strides", False)
    assert "not contiguous, the original's is" in found.check.detail
    assert all(item.check.passed for item in judged(turned, turned, truth))
    assert all(item.check.passed for item in judged(ran(single), turned, truth))


def test_without_an_original_the_reference_fixes_the_layout_of_contiguous_calls(truth: Array) -> None:
    turned = ran(truth.astype(np.float32), contiguous=False)
    (found,) = judged(turned, None, truth)
    assert "the reference's is" in found.check.detail
    assert all(item.check.passed for item in judged(turned, None, truth, strides=(1, 40)))


def test_the_detail_names_slice_element_and_values(truth: Array) -> None:
    truth[7] *= 1e-9
    single = truth.astype(np.float32)
    wrong = single.copy()
    wrong[7] = 0
    (failed,) = (i.check for i in judged(ran(wrong), ran(single), truth) if "slice" in i.check.name)
    assert not failed.passed
    assert "row [7]; output[7, " in failed.detail
    assert "is 0, exactly" in failed.detail


def test_elements_lost_beyond_finite_are_found_where_the_truth_is_finite(truth: Array) -> None:
    single = truth.astype(np.float32)
    lost = single.copy()
    lost[3, 4] = np.inf
    names = {item.check.name for item in judged(ran(lost), ran(single), truth) if not item.check.passed}
    assert names == {"finite"}
    # where the original is no better there is nothing to hold against the candidate
    assert all(item.check.passed for item in judged(ran(lost), ran(lost), truth))


def test_elements_out_of_range_are_not_measured(truth: Array) -> None:
    truth[0, 0] = 1e39
    single = truth.copy()
    single[0, 0] = 3e38
    assert all(item.check.passed for item in judged(ran(single.astype(np.float32)), ran(truth * 1.0), truth))


def test_positions_of_nan_and_inf_are_the_originals(truth: Array) -> None:
    single = truth.astype(np.float32)
    single[2] = np.nan
    single[3, 3] = np.inf
    for change, passes in ((np.nan, True), (np.inf, False), (0.0, False)):
        candidate = single.copy()
        candidate[2, 5] = change
        (found,) = judged(ran(candidate), ran(single), single.astype(np.float64), distribution=inputs.NON_FINITE)
        assert (found.check.name, found.check.passed) == ("NaN and Inf positions", passes)
    candidate = single.copy()
    candidate[3, 3] = -np.inf
    (found,) = judged(ran(candidate), ran(single), single.astype(np.float64), distribution=inputs.NON_FINITE)
    assert not found.check.passed


def test_integers_must_be_equal() -> None:
    numbers = np.arange(60).reshape(5, 12)
    wrong = numbers.copy()
    wrong[4, 1] += 1
    assert all(item.check.passed for item in judged(ran(numbers, "i64"), ran(numbers, "i64"), numbers))
    (found,) = judged(ran(wrong, "i64"), ran(numbers, "i64"), numbers)
    assert found.check.detail == "1 elements of output differ, first at [4, 1]: 50, not 49"


def test_a_copy_of_an_input_that_would_pass_is_told(truth: Array) -> None:
    single = truth.astype(np.float32)
    for values, told in (([single], True), ([single + 1], False), ([3.0], False)):
        planned = Planned(
            name="p0_f32_0",
            problem=Problem(inputs=(TensorSpec(name="x", dtype="f32", shape=(40, 30)),)),
            dtype="f32",
            own=True,
            distribution=inputs.NORMAL,
        )
        baseline = Baseline(
            planned=planned, values=values, oracle=ran(truth, "f64"), moved_oracle=None, original=ran(single)
        )
        (frobenius, *_) = compare(baseline, ran(single), "no-worse")
        assert frobenius.check.passed
        assert not frobenius.vacuous
        assert ("a copy of input 0 would pass" in frobenius.check.detail) is told
