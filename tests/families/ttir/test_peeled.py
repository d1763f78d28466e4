"""What a mask of numbers says of a tile, and how many steps a loop has, against counting."""

from __future__ import annotations

import itertools

from hypothesis import given
from hypothesis import strategies as st

from tilewright.families.ttir import polynomial as p
from tilewright.families.ttir.peeled import is_running, trips
from tilewright.families.ttir.values import Condition, Loop, Mask, always, lane, settled

SMALL = st.integers(-6, 6)
SHAPES = st.tuples(st.integers(1, 5), st.integers(1, 5))


def linear(factors: tuple[int, int], constant: int) -> p.Polynomial:
    return p.number(factors[0]) * lane(0) + p.number(factors[1]) * lane(1) + p.number(constant)


@given(st.tuples(SMALL, SMALL), SMALL, st.tuples(SMALL, SMALL), SMALL, SHAPES)
def test_a_condition_of_numbers_holds_always_if_it_does_for_every_element(
    low: tuple[int, int], low_constant: int, high: tuple[int, int], high_constant: int, shape: tuple[int, int]
) -> None:
    condition = Condition(linear(low, low_constant), linear(high, high_constant))
    places = list(itertools.product(range(shape[0]), range(shape[1])))
    truth = [
        low[0] * i + low[1] * j + low_constant < high[0] * i + high[1] * j + high_constant for i, j in places
    ]  # fmt: skip
    assert always(condition, shape) == all(truth)
    assert settled(Mask(shape, (condition,))) is (None if any(truth) else False)


def test_a_condition_on_a_parameter_is_not_settled() -> None:
    condition = Condition(lane(0), p.atom("parameter", "K"))
    assert not always(condition, (16,))
    assert settled(Mask((16,), (condition,))) is None
    assert settled(Mask((16,), ())) is True


@given(st.integers(0, 40), st.integers(0, 40), st.integers(1, 9))
def test_steps_of_a_loop_as_python_counts_them(first: int, length: int, step: int) -> None:
    last = first + length
    loop = Loop("counter.loop", p.number(first), p.number(last), p.number(step))
    assert trips(loop).constant == len(range(first, last, step))
    named = Loop("counter.loop", p.number(first), p.atom("parameter", "K"), p.number(step))
    assert trips(named).evaluate({"parameter.K": last}) == len(range(first, last, step))


def test_the_condition_that_keeps_a_loop_going_holds_in_it() -> None:
    size, counter = p.atom("parameter", "K"), p.atom("counter", "loop")
    loop = Loop("counter.loop", p.number(0), size, p.number(16))
    assert is_running(Condition(p.number(0), size - p.number(16) * counter), [loop])
    assert is_running(Condition(p.number(16) * counter, size), [loop])
    assert not is_running(Condition(p.number(16) * counter + p.number(1), size), [loop])
    assert not is_running(Condition(p.number(0), size), [])
