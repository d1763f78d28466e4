"""Which of many schedules are built."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tilewright.records.schedule import Schedule
from tilewright.records.timing import Interval
from tilewright.search.measured.clock import CONFIRMATION_S, Clock
from tilewright.search.measured.propose import choose, distance
from tilewright.search.measured.words import none_faster

BASE = Schedule()


class Told:
    """An estimator that was told its times."""

    def __init__(self, times: dict[Schedule, float]) -> None:
        self.times = times

    def time_us(self, schedule: Schedule) -> float:
        return self.times[schedule]


def test_the_fastest_come_first() -> None:
    times = {replace(BASE, block_m=side): float(side) for side in (32, 128, 256)}
    assert [one.block_m for one in choose(list(times), BASE, Told(times), most=2)] == [32, 128]


def test_of_equal_predictions_the_simpler_change_comes_first() -> None:
    far, near = replace(BASE, masks="even_k", pointers="advanced"), replace(BASE, masks="even_k")
    times = {far: 100.0, near: 100.3}
    assert choose(list(times), BASE, Told(times), most=2) == (near, far)


def test_one_tile_does_not_take_all_places() -> None:
    orders = [replace(BASE, block_m=128, program_order="grouped", group_m=group) for group in (2, 4, 8, 16)]
    other = [replace(BASE, block_m=side) for side in (32, 256)]
    times = dict.fromkeys(orders, 10.0) | dict.fromkeys(other, 90.0)
    chosen = choose(list(times), BASE, Told(times), most=4)
    assert len(set(chosen) & set(orders)) == 2
    assert set(other) <= set(chosen)


def test_a_schedule_that_does_not_fit_is_never_chosen() -> None:
    one = replace(BASE, block_m=256)
    assert choose([one], BASE, Told({one: float("inf")}), most=4) == ()


def test_corrections_move_the_ranks() -> None:
    first, second = replace(BASE, block_m=32), replace(BASE, block_m=256)
    times = {first: 10.0, second: 20.0}
    corrected = choose([first, second], BASE, Told(times), most=1, corrections={first: 4.0, second: 1.0})
    assert corrected == (second,)


def test_distance_counts_fields() -> None:
    assert distance(replace(BASE, block_m=32, num_warps=8), BASE) == 2


@pytest.mark.parametrize(("earlier_s", "over"), [(0.0, False), (60.0, True)])
def test_the_clock_counts_earlier_sittings(earlier_s: float, over: bool) -> None:
    clock = Clock(50.0 + CONFIRMATION_S, earlier_s=earlier_s, now=lambda: 3.0)
    assert clock.elapsed_s == earlier_s
    assert clock.is_over is over


@pytest.mark.parametrize(
    ("candidates", "rounds", "words"),
    [
        (0, 0, "no candidate could be built and run"),
        (1, 0, "the one candidate was not faster than the file before; it is x0.900 [0.890, 0.910] measured"),
        (3, 2, "none of 3 candidates was faster than the file before in 2 rounds; the best, x0.900 [0.890, 0.910] measured"),  # noqa: E501
    ],
)  # fmt: skip
def test_what_was_tried_in_vain_is_told_with_its_interval(candidates: int, rounds: int, words: str) -> None:
    best = Interval(value=0.9, low=0.89, high=0.91)
    assert none_faster(candidates, best if candidates else None, rounds=rounds) == words
