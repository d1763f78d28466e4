"""Times of a candidate's calls against what the machine can do: raw claims in, checks out."""

from __future__ import annotations

import pytest

from tilewright import targets
from tilewright.prove.compare import Baseline
from tilewright.prove.physics_gate import Gate
from tilewright.prove.plan import plan_real
from tilewright.prove.results import Result
from tilewright.records.problem import Problem
from tilewright.records.source import TensorSpec

ELEMENTS = 1 << 30
SPEC = TensorSpec(name="x", dtype="f32", shape=(ELEMENTS,))
CALL = plan_real([Problem(inputs=(SPEC,), label="as stated")])[0]
RAN = Result(kind="ran", written_bytes=4 * ELEMENTS)
BASE = Baseline(planned=CALL, values=(), oracle=RAN, moved_oracle=None, original=RAN)


def judge(events_us: object, after_us: object = 5.0, **changes: object) -> dict[str, tuple[bool, str]]:
    timed = Result(kind="ran", times={"events_us": events_us, "after_us": after_us})
    given = {"needed": {"input 0": 1.0}, "operations": None, **changes}
    found = Gate(targets.load("h200")).judge(BASE, timed, given["needed"], given["operations"])
    return {item.check.name: (item.check.passed, item.check.detail) for item in found}


def test_a_copy_of_eight_gigabytes_takes_longer_than_a_millisecond() -> None:
    passed, detail = judge([1000.0, 1010.0, 990.0])["physics"]
    assert not passed
    assert "measured 1000 us" in detail
    assert judge([2000.0])["physics"][0]


def test_bytes_that_nobody_needs_do_not_count() -> None:
    assert judge([1000.0], needed={})["physics"][0]


def test_an_expanded_input_is_read_once() -> None:
    row = TensorSpec(name="x", dtype="f32", shape=(1 << 15, 1 << 15), strides=(0, 1))
    call = plan_real([Problem(inputs=(row,), label="as stated")])[0]
    written = Result(kind="ran", written_bytes=4)
    base = Baseline(planned=call, values=(), oracle=written, moved_oracle=None, original=written)
    timed = Result(kind="ran", times={"events_us": [10.0], "after_us": 5.0})
    found = Gate(targets.load("h200")).judge(base, timed, {"input 0": 1.0})
    assert {item.check.name: item.check.passed for item in found}["physics"]


def test_the_candidates_own_operations_bound_its_time() -> None:
    work = {"tensor_tf32": 2.0 * 2048 * 4096 * 8192 * 20}
    passed, detail = judge([2000.0], operations=work)["physics"]
    assert not passed
    assert "GFLOP" in detail
    assert judge([9000.0], operations=work)["physics"][0]


def test_work_that_goes_on_after_the_stream_is_done_is_seen() -> None:
    assert judge([3000.0], 20.0)["streams"][0]
    passed, detail = judge([3000.0], 2500.0)["streams"]
    assert not passed
    assert "stays busy for 2500 us" in detail


@pytest.mark.parametrize("events_us", [[], None, ["soon"], [0.0], [-1.0], [float("nan")], "2000"])
def test_what_is_no_time_is_refused(events_us: object) -> None:
    assert not judge(events_us)["physics"][0]


def test_a_call_that_ends_while_it_is_timed_is_refused() -> None:
    (found,) = Gate(targets.load("h200")).judge(BASE, Result(kind="raised", error="boo"), {})
    assert (found.check.name, found.check.passed) == ("runs", False)
