"""Bytes between L2 and DRAM, by replaying the order in which programs walk their tiles.

Programs run in waves of as many as the GPU holds. Those of a wave walk k in step, so of the programs that share a
strip (all tiles of k that one tile row of A, or column of B, needs) the first one's miss serves the others. Whether a
strip outlives the time until a later wave wants it again depends on its stack distance: the bytes of other strips
touched in between. Because a wave walks k in step, that distance is a linear function of the place in k, and the
replay can work on whole strips: its cost grows with waves times strips of a wave, not with tile touches.

An L2 does not replace strictly the oldest line. With random replacement a strip that is wanted again after D bytes in
a cache of C bytes misses with the probability m that solves ``1 - m = exp(-m * D / C)``: 0 up to D = C, then rising
gently, which is also what hit rates measured near D = C show.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from tilewright.cost.constants import L2_USABLE_FRACTION
from tilewright.cost.order import program_count, tile_of_program
from tilewright.records.estimate import Traffic
from tilewright.records.work import TileGrid, Work

MAX_WAVES = 96
"""Waves replayed; the rest are charged like the second half of these, since the order repeats."""
PLACES_IN_K = (0.125, 0.375, 0.625, 0.875)
"""Fractions of k at which the stack distance is looked at."""

_MISS_RATES = np.linspace(0.0, 0.9999, 2000)[1:]
_DISTANCES = -np.log1p(-_MISS_RATES) / _MISS_RATES


def miss_rate(distance_over_capacity: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Return the share of re-reads that miss, for a stack distance in units of the capacity."""
    return np.asarray(np.interp(distance_over_capacity, _DISTANCES, _MISS_RATES, left=0.0, right=1.0))


@dataclass(slots=True)
class _Strips:
    """One operand's strips: their size, who reads which, and the wave that read each last (-1: none yet)."""

    bytes_each: float
    of_program: NDArray[np.int64]
    last_wave: NDArray[np.int64]


def replay(work: Work, *, resident_programs: int, l2_bytes: float) -> Traffic:
    """Return what one launch moves, given the programs that run at once and the bytes of the L2.

    ``shared_bytes`` of the result is left at 0: it depends on the warps, not on the order.
    """
    outside = work.read_bytes + work.written_bytes
    if work.tiles is None or not work.operands:
        requested = max(outside, work.minimum_dram_bytes)
        return _traffic(work, dram=work.minimum_dram_bytes, l2=requested)
    count = program_count(work.tiles)
    walked = tuple((operand.axes, operand.total_bytes) for operand in work.operands)
    read, touched = _read_bytes(work.tiles, walked, work.written_bytes / count, resident_programs, l2_bytes)
    once = sum(operand.total_bytes for operand in work.operands)
    epilogue = min(work.read_bytes, max(0.0, work.minimum_dram_bytes - once - work.written_bytes))
    read = min(max(read, once), touched)
    return _traffic(work, dram=read + epilogue + work.written_bytes, l2=touched + outside)


@lru_cache(maxsize=4096)
def _read_bytes(
    grid: TileGrid,
    operands: tuple[tuple[tuple[str, ...], float], ...],
    stored_by_program: float,
    resident_programs: int,
    l2_bytes: float,
) -> tuple[float, float]:
    """Return the bytes that all programs fetch from DRAM, and those that they ask for.

    Kept, since a search meets the same order with the same tile rows and columns again and again: neither BLOCK_K nor
    stages nor warps matter here, but by the programs that are resident.

    Args:
        grid: the tiles and the order of their programs.
        operands: the axes that choose a strip, and the bytes of the whole operand, of each.
        stored_by_program: bytes that each program writes.
        resident_programs: programs that run at once.
        l2_bytes: of the whole cache.
    """
    count = program_count(grid)
    waves = -(-count // resident_programs)
    replayed = min(waves, MAX_WAVES)
    programs = np.arange(min(count, replayed * resident_programs), dtype=np.int64)
    strips = [_strips(grid, axes, total, programs) for axes, total in operands]
    missed = np.zeros(replayed)
    capacity = l2_bytes * L2_USABLE_FRACTION
    buckets = np.zeros(replayed)
    for wave in range(replayed):
        window = slice(wave * resident_programs, (wave + 1) * resident_programs)
        missed[wave] = _replay_wave(strips, window, wave, buckets, stored_by_program * resident_programs, capacity)
    read = float(missed.sum())
    if waves > replayed:
        read += float(missed[replayed // 2 :].mean()) * (count / resident_programs - replayed)
    return read, sum(one.bytes_each for one in strips) * count


def _strips(grid: TileGrid, axes: tuple[str, ...], total_bytes: float, programs: NDArray[np.int64]) -> _Strips:
    sizes = {"m": grid.num_m, "n": grid.num_n, "batch": grid.batch, "split": grid.split_k}
    coordinates = tile_of_program(grid, programs)
    index = np.zeros_like(programs)
    count = 1
    for axis in (*axes, "split"):
        index = index * sizes[axis] + coordinates[axis]
        count *= sizes[axis]
    return _Strips(total_bytes / count, index, np.full(count, -1, dtype=np.int64))


def _replay_wave(
    strips: list[_Strips], window: slice, wave: int, buckets: NDArray[np.float64], stored: float, capacity: float
) -> float:
    """Return the bytes one wave fetches from DRAM, and move its strips to the wave's bucket.

    ``buckets[v]`` holds the bytes of the strips whose last reader was wave v.
    """
    touched = [np.unique(one.of_program[window]) for one in strips]
    last = np.concatenate([one.last_wave[mine] for one, mine in zip(strips, touched, strict=True)])
    size = np.concatenate([np.full(len(mine), one.bytes_each) for one, mine in zip(strips, touched, strict=True)])
    missed = float(size[last < 0].sum())
    for earlier in np.unique(last[last >= 0]):
        again = float(size[last == earlier].sum())
        between = float(buckets[earlier + 1 : wave].sum())
        tail = float(buckets[earlier]) - again
        head = float(size[last < earlier].sum())
        stores = stored * (wave - earlier)
        distances = np.array([between + again + (1 - x) * tail + x * head + stores for x in PLACES_IN_K])
        missed += again * float(miss_rate(distances / capacity).mean())
    for one, mine in zip(strips, touched, strict=True):
        old = one.last_wave[mine]
        np.subtract.at(buckets, old[old >= 0], one.bytes_each)
        one.last_wave[mine] = wave
        buckets[wave] += one.bytes_each * len(mine)
    return missed


def _traffic(work: Work, *, dram: float, l2: float) -> Traffic:
    dram = max(dram, work.minimum_dram_bytes)
    l2 = max(l2, dram)
    return Traffic(
        dram_bytes=dram,
        l2_bytes=l2,
        shared_bytes=0.0,
        minimum_dram_bytes=work.minimum_dram_bytes,
        l2_hit_fraction=1.0 - dram / l2 if l2 else 0.0,
    )
