from dataclasses import replace

import numpy as np
import pytest
from cost_cases import contraction, load, pointwise
from hypothesis import given, settings
from hypothesis import strategies as st

from tilewright.cost.l2 import miss_rate, replay
from tilewright.cost.order import program_count, tile_of_program
from tilewright.records.work import TileGrid

ORDERS = ("grid_2d", "grid_2d_swapped", "row_major", "column_major", "grouped")


@given(
    num_m=st.integers(1, 13),
    num_n=st.integers(1, 13),
    batch=st.integers(1, 3),
    split=st.integers(1, 3),
    order=st.sampled_from(ORDERS),
    group=st.integers(1, 9),
)
def test_every_order_visits_every_tile_once(num_m, num_n, batch, split, order, group):
    grid = TileGrid(num_m=num_m, num_n=num_n, batch=batch, split_k=split, program_order=order, group_m=group)
    tiles = tile_of_program(grid, np.arange(program_count(grid)))
    seen = set(zip(*(tiles[axis].tolist() for axis in ("m", "n", "split", "batch")), strict=True))
    assert len(seen) == program_count(grid)
    assert all(tiles["m"] < num_m)
    assert all(tiles["n"] < num_n)


def test_grouped_is_the_order_that_triton_users_write():
    grid = TileGrid(num_m=5, num_n=2, program_order="grouped", group_m=3)
    tiles = tile_of_program(grid, np.arange(10))
    pairs = list(zip(tiles["m"].tolist(), tiles["n"].tolist(), strict=True))
    assert pairs == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1), (3, 0), (4, 0), (3, 1), (4, 1)]


def test_an_unknown_order_is_refused():
    with pytest.raises(ValueError, match="zigzag"):
        tile_of_program(TileGrid(num_m=2, num_n=2, program_order="zigzag"), np.arange(4))


def test_hit_rates_are_near_the_profilers(ada, benchmark_module):
    errors = []
    for row in load("rtx4090")["rows"]:
        resident = row["programs_per_sm"] * ada.sm_count
        found = replay(benchmark_module.work_of(row), resident_programs=resident, l2_bytes=ada.l2_bytes)
        errors.append(abs(100 * found.l2_hit_fraction - row["l2_hit_pct"]))
    assert max(errors) < 2.0
    assert sorted(errors)[len(errors) // 2] < 1.0


@settings(deadline=None, max_examples=60)
@given(
    m=st.integers(1, 3000),
    n=st.integers(1, 3000),
    k=st.integers(1, 4000),
    tile=st.sampled_from([(64, 64, 64), (128, 64, 32), (32, 128, 32)]),
    order=st.sampled_from(ORDERS),
    group=st.integers(1, 8),
    resident=st.integers(1, 300),
    l2=st.sampled_from([1e5, 6e6, 75e6]),
)
def test_traffic_lies_between_reading_once_and_no_cache(m, n, k, tile, order, group, resident, l2):
    work = contraction(m=m, n=n, k=k, tile=tile, order=order, group_m=group)
    found = replay(work, resident_programs=resident, l2_bytes=l2)
    assert found.minimum_dram_bytes <= found.dram_bytes <= found.l2_bytes * (1 + 1e-9)
    assert 0.0 <= found.l2_hit_fraction <= 1.0


@given(small=st.floats(1e5, 1e8), factor=st.floats(1.0, 50.0))
@settings(deadline=None, max_examples=30)
def test_a_larger_cache_never_moves_more(small, factor):
    work = contraction(order="row_major")
    less = replay(work, resident_programs=128, l2_bytes=small * factor)
    assert less.dram_bytes <= replay(work, resident_programs=128, l2_bytes=small).dram_bytes * (1 + 1e-9)


def test_grouping_beats_walking_whole_rows_when_the_cache_is_small():
    walk = {"m": 8192, "n": 8192, "k": 8192, "tile": (128, 128, 32)}
    rows = replay(contraction(order="row_major", **walk), resident_programs=108, l2_bytes=6e6)
    grouped = replay(contraction(order="grouped", group_m=8, **walk), resident_programs=108, l2_bytes=6e6)
    assert grouped.dram_bytes < 0.5 * rows.dram_bytes


def test_everything_fits_a_huge_cache():
    work = contraction(m=1024, n=1024, k=1024)
    found = replay(work, resident_programs=128, l2_bytes=1e12)
    assert found.dram_bytes == pytest.approx(found.minimum_dram_bytes)


def test_batches_share_an_operand_only_where_it_has_no_batch_axis():
    grid = TileGrid(num_m=4, num_n=4, batch=8)
    work = contraction(m=256, n=256, k=4096)
    shared = replace(work, tiles=grid, programs=128)
    own = replace(
        shared,
        operands=tuple(replace(o, axes=(*o.axes, "batch"), total_bytes=8 * o.total_bytes) for o in work.operands),
        minimum_dram_bytes=8 * work.minimum_dram_bytes,
    )
    assert replay(own, resident_programs=16, l2_bytes=75e6).dram_bytes > 6 * (
        replay(shared, resident_programs=16, l2_bytes=75e6).dram_bytes - work.written_bytes
    )


def test_a_long_launch_is_charged_in_proportion():
    long = replay(contraction(m=32768, n=32768, k=64), resident_programs=128, l2_bytes=75e6)
    longer = replay(contraction(m=32768, n=65536, k=64), resident_programs=128, l2_bytes=75e6)
    assert longer.dram_bytes == pytest.approx(2 * long.dram_bytes, rel=0.1)


def test_an_untiled_kernel_moves_what_it_asks_for():
    found = replay(pointwise(bytes_read=1e9, bytes_written=5e8), resident_programs=999, l2_bytes=75e6)
    assert found.dram_bytes == 1.5e9
    assert found.l2_bytes == 1.5e9


def test_nothing_misses_below_the_capacity_and_ever_more_does_above():
    assert miss_rate(0.99) == 0.0
    rates = [float(miss_rate(x)) for x in (1.1, 1.5, 2.0, 4.0, 16.0)]
    assert rates == sorted(rates)
    assert rates[2] == pytest.approx(0.797, abs=0.01)
    assert rates[-1] > 0.99
