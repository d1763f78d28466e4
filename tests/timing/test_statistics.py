"""Intervals that hold, and a test that may look often and still errs rarely."""

from __future__ import annotations

import math
from collections import Counter

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from noise import simulated

from tilewright.records.timing import Decision
from tilewright.timing import sequential
from tilewright.timing.sequential import LEVEL, LOOKS, SAME_LIMIT, decide, next_look
from tilewright.timing.statistics import FEWEST, median_bounds, median_interval, ratio_interval

RUNS = 200


def decisions(ratio: float, sigma: float, floor: float, seed: int, runs: int = RUNS) -> Counter[Decision]:
    rng = np.random.default_rng(seed)
    return Counter(simulated(rng, ratio=ratio, sigma=sigma, floor=floor)[0] for _ in range(runs))


@pytest.mark.parametrize("sigma", [0.005, 0.02])
def test_a_file_against_itself_is_the_same(sigma: float) -> None:
    assert decisions(1.0, sigma, 0.01, seed=1) == {Decision.SAME: RUNS}


@pytest.mark.parametrize(
    ("ratio", "decision"), [(1 / 1.03, Decision.SLOWER), (1.03, Decision.FASTER)], ids=["slower", "faster"]
)
@pytest.mark.parametrize("sigma", [0.01, 0.03])
def test_three_percent_are_found(ratio: float, decision: Decision, sigma: float) -> None:
    assert decisions(ratio, sigma, 0.01, seed=2)[decision] >= 0.99 * RUNS


def test_many_looks_at_nothing_find_nothing() -> None:
    """Without a floor only the level of each look keeps noise from being called a difference."""
    found = decisions(1.0, 0.02, 0.0, seed=3)
    assert found[Decision.FASTER] + found[Decision.SLOWER] <= 0.02 * RUNS
    assert found[Decision.SAME] == 0


def test_a_difference_at_the_floor_is_not_decided() -> None:
    assert decisions(1.01, 0.01, 0.01, seed=4, runs=50)[Decision.AMBIGUOUS] >= 48


@pytest.mark.parametrize(
    ("low", "high", "floor", "decision"),
    [
        pytest.param(1.02, 1.04, 0.01, Decision.FASTER, id="above"),
        pytest.param(0.95, 0.98, 0.01, Decision.SLOWER, id="below"),
        pytest.param(0.995, 1.005, 0.01, Decision.SAME, id="around 1"),
        pytest.param(0.995, 1.02, 0.01, None, id="over one edge"),
        pytest.param(1.005, 1.04, 0.01, None, id="above 1, and not clear of the floor"),
        pytest.param(0.965, 0.975, 0.04, None, id="noise does not make 3 % the same"),
        pytest.param(0.98, 1.02, 0.04, Decision.SAME, id="the same within less than the noise"),
        pytest.param(0.0, math.inf, 0.01, None, id="too few values"),
    ],
)
def test_what_an_interval_says(low: float, high: float, floor: float, decision: Decision | None) -> None:
    assert decide(low, high, floor) is decision


def test_looks_share_one_error_between_them() -> None:
    assert LEVEL * len(LOOKS) == pytest.approx(sequential.ERROR)
    assert [next_look(0), next_look(LOOKS[0]), next_look(LOOKS[-1])] == [LOOKS[0], LOOKS[1], None]
    # the first look can already decide
    assert median_bounds(range(LOOKS[0]), LEVEL) == (0, LOOKS[0] - 1)
    assert sequential.LEAST_FLOOR < SAME_LIMIT < 0.03


@pytest.mark.parametrize(("count", "level", "rank"), [(6, 0.05, 0), (10, 0.05, 1), (100, 0.05, 39), (2000, 0.01, 941)])
def test_order_statistics_of_tables(count: int, level: float, rank: int) -> None:
    """Ranks of the sign test, from 0: of 6 values at 5 % the range, of 10 the second from each end, of 100 the 40th."""
    assert median_bounds(range(count), level) == (rank, count - 1 - rank)


def test_too_few_values_bound_nothing() -> None:
    assert median_bounds([1.0, 2.0, 3.0], 0.05) == (-math.inf, math.inf)
    assert median_bounds([], 0.05) == (-math.inf, math.inf)


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=80), st.floats(0.001, 0.5))
def test_bounds_hold_the_median(values: list[float], level: float) -> None:
    low, high = median_bounds(values, level)
    assert low <= np.median(values) <= high


@given(st.lists(st.floats(-1, 1), min_size=1, max_size=40))
def test_an_interval_holds_its_median_and_stays_within_the_values(values: list[float]) -> None:
    found = median_interval(values, np.random.default_rng(0))
    assert min(values) <= found.low <= found.value <= found.high <= max(values)
    ratio = ratio_interval(values, np.random.default_rng(0))
    assert ratio.value == pytest.approx(math.exp(found.value))


def test_a_bootstrap_interval_holds_the_truth_nineteen_times_of_twenty() -> None:
    rng, hits = np.random.default_rng(5), 0
    for _ in range(RUNS):
        found = median_interval(list(rng.normal(0.0, 1.0, 30)), rng)
        hits += found.low <= 0.0 <= found.high
    assert 0.9 * RUNS <= hits <= 0.99 * RUNS


def test_fewer_values_than_an_interval_needs_give_their_range() -> None:
    values = [float(value) for value in range(FEWEST - 1)]
    found = median_interval(values, np.random.default_rng(0))
    assert (found.low, found.high) == (values[0], values[-1])
    with pytest.raises(ValueError, match="no values"):
        median_interval([], np.random.default_rng(0))


def test_thousands_of_values_take_no_gigabytes() -> None:
    found = median_interval(list(np.linspace(0, 1, 9001)), np.random.default_rng(0))
    assert found.low < 0.5 < found.high
    assert found.high - found.low < 0.05
