"""Classes of equal dimensions, and captures on their way between processes."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from tilewright.capture import wire
from tilewright.capture.shapes import Shapes
from tilewright.records.launch import Capture, ConstexprArgument, Launch, ScalarArgument, TensorArgument
from tilewright.records.source import TensorSpec

RANKS = st.lists(st.integers(1, 4), min_size=1, max_size=4)
SIZES = tuple(range(100, 120))


@given(RANKS, st.lists(st.tuples(st.integers(0, 15), st.integers(0, 15)), max_size=12))
def test_merging_keeps_ranks_and_makes_sizes_equal(ranks: list[int], pairs: list[tuple[int, int]]) -> None:
    shapes = Shapes.distinct(ranks, SIZES)
    count = len(shapes.in_use())
    for first, second in pairs:
        if {first, second} <= set(shapes.in_use()):
            before = shapes.copy()
            changed = shapes.merge(first, second)
            assert changed == (first != second)
            assert len(before.in_use()) - len(shapes.in_use()) == int(changed)
    assert [len(shapes.shape(index)) for index in range(len(ranks))] == ranks
    assert set(shapes.sizes) == set(shapes.in_use())
    assert len(shapes.in_use()) <= count


def test_a_size_that_the_code_demands_wins_a_merge_and_two_do_not_merge() -> None:
    shapes = Shapes.distinct([2, 1], SIZES)
    assert shapes.fix(1, 7)
    assert not shapes.fix(1, 8)
    assert shapes.merge(2, 1)
    assert (shapes.shape(0), shapes.shape(1)) == ((100, 7), (7,))
    assert shapes.fix(0, 9)
    assert not shapes.merge(0, 2)


NUMBERS = st.integers(-(2**40), 2**40)
TEXT = st.text(max_size=20)
CONSTANTS = st.none() | st.booleans() | NUMBERS | TEXT
EXTENTS = st.lists(st.integers(0, 9), max_size=3).map(tuple)
ARGUMENTS = st.one_of(
    st.builds(TensorArgument, parameter=TEXT, dtype=TEXT, shape=EXTENTS, strides=EXTENTS, offset=NUMBERS, origin=TEXT),
    st.builds(ScalarArgument, parameter=TEXT, dtype=TEXT, value=NUMBERS),
    st.builds(ConstexprArgument, parameter=TEXT, value=CONSTANTS),
)
SPECS = st.builds(TensorSpec, name=TEXT, dtype=TEXT, shape=EXTENTS, strides=st.none() | EXTENTS)
LAUNCHES = st.builds(
    Launch,
    kernel=TEXT,
    ordinal=NUMBERS,
    grid=st.tuples(NUMBERS, NUMBERS, NUMBERS),
    num_warps=NUMBERS,
    num_stages=NUMBERS,
    num_ctas=NUMBERS,
    arguments=st.lists(ARGUMENTS, max_size=3).map(tuple),
    ttir=TEXT,
    generic_ttir=TEXT,
    call_line=NUMBERS,
    configuration=st.dictionaries(TEXT, NUMBERS, max_size=2),
    error=TEXT,
)


@given(
    st.builds(
        Capture,
        launches=st.lists(LAUNCHES, max_size=2).map(tuple),
        inputs=st.lists(SPECS, max_size=2).map(tuple),
        outputs=st.lists(SPECS, max_size=2).map(tuple),
        init_arguments=st.lists(CONSTANTS | EXTENTS, max_size=3).map(tuple),
        assumptions=st.lists(TEXT, max_size=2).map(tuple),
        error=TEXT,
    )
)
def test_a_capture_survives_json(capture: Capture) -> None:
    assert wire.decode(json.loads(json.dumps(wire.encode(capture)))) == capture
