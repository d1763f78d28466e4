"""What a worker tells of its blocks: taken in, left out, or refused."""

from __future__ import annotations

import math
import random

import pytest

from tilewright.records.problem import Problem
from tilewright.records.source import TensorSpec
from tilewright.timing.call import Call, call_arguments
from tilewright.timing.channel import Failed, figures
from tilewright.timing.pairs import ORDERS, Pairs, draw_order
from tilewright.timing.rounds import good

ABBA = {"order": [0, 1, 1, 0]}
BAAB = {"order": [1, 0, 0, 1]}


def told(times: list[object], **changes: object) -> dict[str, object]:
    return {"us": times, "ahead": True, "tuned": False} | changes


def test_blocks_become_ratios_of_the_baseline_over_the_candidate() -> None:
    pairs = Pairs()
    pairs.add([ABBA, BAAB], [told([20.0, 10.0, 10.0, 20.0]), told([10.0, 20.0, 20.0, 10.0])])
    assert pairs.log_ratios == pytest.approx([math.log(2)] * 2)
    assert pairs.times_us == ([20.0] * 4, [10.0] * 4)


@pytest.mark.parametrize("order", ORDERS, ids=["ABBA", "BAAB"])
def test_a_steady_drift_cancels(order: tuple[int, ...]) -> None:
    pairs = Pairs()
    times: list[object] = [100.0 * 1.02**place / (1.0, 2.0)[index] for place, index in enumerate(order)]
    pairs.add([{"order": list(order)}], [told(times)])
    assert pairs.log_ratios == pytest.approx([math.log(2)])


def test_disturbed_blocks_are_counted_and_left_out() -> None:
    pairs = Pairs()
    late, tuned = told([1.0] * 4, ahead=False), told([1.0] * 4, tuned=True)
    pairs.add([ABBA] * 3, [late, tuned, late])
    assert (len(pairs), pairs.late, pairs.tuned) == (0, 2, 1)
    with pytest.raises(Failed, match="an autotuner runs"):
        good(pairs, 1)
    pairs.tuned = 0
    with pytest.raises(Failed, match="the host is not ahead"):
        good(pairs, 1)


def test_a_worker_may_stop_early_and_not_add_blocks() -> None:
    pairs = Pairs()
    pairs.add([ABBA] * 3, [told([1.0] * 4)])
    assert len(pairs) == 1
    with pytest.raises(Failed, match="not usable"):
        pairs.add([ABBA], [told([1.0] * 4)] * 2)


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(None, id="nothing"),
        pytest.param([], id="no block"),
        pytest.param(["x"], id="no object"),
        pytest.param([told([1.0] * 3)], id="a call too few"),
        pytest.param([told([1.0, 1.0, 1.0, -1.0])], id="a time below 0"),
        pytest.param([told([1.0, 1.0, 1.0, 0])], id="no time"),
        pytest.param([told([1.0, 1.0, 1.0, math.inf])], id="an endless time"),
        pytest.param([told([1.0, 1.0, 1.0, math.nan])], id="not a number"),
        pytest.param([told([1.0, 1.0, 1.0, True])], id="a flag"),
        pytest.param([told([1.0, 1.0, 1.0, "1"])], id="a text"),
        pytest.param([{"us": 5}], id="a number for all"),
    ],
)
def test_what_is_no_answer_is_refused(answer: object) -> None:
    with pytest.raises(Failed) as caught:
        Pairs().add([ABBA], answer)
    assert caught.value.kind == "crashed"


def test_figures_are_floats() -> None:
    assert figures([1, 2.5]) == [1.0, 2.5]


def test_both_orders_are_drawn() -> None:
    rng = random.Random(0)
    assert {tuple(draw_order(rng)) for _ in range(20)} == set(ORDERS)


def test_a_call_as_the_worker_is_told_it() -> None:
    specs = (
        TensorSpec(name="x", dtype="f16", shape=(2, 3), strides=(1, 2), offset=4),
        TensorSpec(name="scale=2.5", dtype="python", shape=()),
        TensorSpec(name="y", dtype="f32", shape=()),
    )
    call = Call(problem=Problem(inputs=specs, init_arguments=(3, (4, 5), "gelu")))
    assert call_arguments(call) == {
        "inputs": [
            {"shape": [2, 3], "dtype": "f16", "strides": [1, 2], "offset": 4},
            {"value": 2.5},
            {"shape": [], "dtype": "f32", "strides": None, "offset": 0},
        ],
        "init": [3, [4, 5], "gelu"],
    }
