"""Which schedules of a contraction are legal on a target, and which are worth looking at in a stage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from math import inf, prod

from tilewright.cost import estimate, guess
from tilewright.cost.guess import SQUEEZE
from tilewright.families.contraction.emit_grid import FLATTENED
from tilewright.families.contraction.layouts import LAYOUT_GROUP, illegal_layout, layout_choices
from tilewright.families.contraction.narrowing import FIELD, illegal_narrowing, reads_its_output, with_narrowing
from tilewright.families.contraction.reductions import SMALLEST_DOT_SIDE, held_whole, least_block
from tilewright.families.contraction.registers import worth_building
from tilewright.families.contraction.sizes import sizes_of
from tilewright.families.contraction.triangles import is_structured
from tilewright.families.contraction.work import work
from tilewright.families.family import Plan
from tilewright.records.algorithm import Contraction
from tilewright.records.schedule import Schedule
from tilewright.records.stage import Stage
from tilewright.records.target import Target
from tilewright.records.trial import Lifted

GROUPS = (2, 4, 8, 16)
SPLITS = (2, 4, 8, 16)
BLOCK_GROUP = ("block_m", "block_n", "block_k")
LAUNCH_GROUP = ("num_warps", "num_stages")
LARGEST_TILE = 2**20
"""Elements of a tensor that Triton lets a program hold."""
LIST_LENGTH = 4
"""Entries of an autotune list besides the input's own: each is compiled and timed on the user's first call."""
MOST_TIGHT = 2
"""Entries of a list that may be ``tight``, so that enough is left of it where a build elsewhere spills."""
_ACCUMULATORS = {"fp32", "fp16", "bf16", "fp64", "i32"}
MOST_ALIKE = 2
"""Entries of a list with the same warps, stages and area of the tile: equal guesses deserve different bets."""
LEAST_SUMS = 8
"""Sums a thread under which a tile is not worth its loads."""
TILE_SIDES = (32, 64, 128, 256)
TILE_DEPTHS = (16, 32, 64, 128)


def illegal(schedule: Schedule, lifted: Lifted, target: Target) -> str | None:
    """Why ``schedule`` cannot run ``lifted`` on ``target``; ``None`` where it can, for every shape."""
    algorithm = lifted.algorithm
    if not isinstance(algorithm, Contraction):
        return "no contraction"
    if any(output.atomic for output in algorithm.outputs) and lifted.schedule.split_k == 1:
        return "the input adds atomically into its output, whose start value the kernel does not show"
    if algorithm.accumulator_dtype not in _ACCUMULATORS:
        return f"no accumulator of {algorithm.accumulator_dtype}"
    return (
        _illegal_grid(schedule, lifted.schedule, algorithm)
        or illegal_layout(schedule, algorithm, target)
        or illegal_narrowing(schedule, lifted, target)
        or _illegal_reduction(schedule, lifted)
        or _illegal_tile(schedule, lifted, target)
    )


def _illegal_grid(schedule: Schedule, before: Schedule, algorithm: Contraction) -> str | None:
    flattened = schedule.program_order in FLATTENED
    if not flattened and algorithm.batch_axes:
        return "the third axis of a grid holds at most 65,535 programs, and a batch may be larger: one axis takes all"
    if not flattened and schedule.program_order != before.program_order:
        return "the second axis of a grid holds at most 65,535 programs, where the input has another axis or none"
    if (schedule.group_m > 1) != (schedule.program_order == "grouped"):
        return "GROUP_M goes with grouped order"
    if schedule.persistent and not flattened:
        return "persistence needs all tiles on one axis"
    if schedule.persistent and schedule.split_k > 1:
        return "k is split where there are too few tiles, persistence helps where there are many"
    if schedule.persistent and schedule.descriptors and is_structured(algorithm):
        return "the next tile's operands are fetched early only where all tiles walk the same steps of k"
    if schedule.split_k < 1 or schedule.split_k & (schedule.split_k - 1):
        return "SPLIT_K is a power of two"
    return None


def _illegal_reduction(schedule: Schedule, lifted: Lifted) -> str | None:
    assert isinstance(lifted.algorithm, Contraction)
    held, sizes = held_whole(lifted.algorithm), _sizes(lifted)
    if held and schedule.split_k > 1:
        return "what is reduced after the product has to be finished in one program"
    for axis in held:
        if getattr(schedule, f"block_{axis}") != least_block(sizes[axis]):
            return f"one program holds all of {axis}, and no more, since it reduces along it"
    return None


def _illegal_tile(schedule: Schedule, lifted: Lifted, target: Target) -> str | None:
    sides = (schedule.block_m, schedule.block_n, schedule.block_k)
    if any(side & (side - 1) for side in (*sides, schedule.num_warps)):
        return "block sizes and warps are powers of two"
    if min(sides) < SMALLEST_DOT_SIDE:
        return f"tl.dot needs {SMALLEST_DOT_SIDE} along each side"
    if max(sides[0] * sides[1], sides[0] * sides[2], sides[1] * sides[2]) > LARGEST_TILE:
        return f"a tile holds more than {LARGEST_TILE} elements"
    if schedule.num_warps * target.warp_size > target.max_threads_per_block:
        return f"more than {target.max_threads_per_block} threads"
    resources = guess(target, work(lifted, schedule, lifted.launch))
    if resources.shared_bytes > target.shared_bytes_per_block:
        return f"{resources.shared_bytes} bytes of shared memory, {target.shared_bytes_per_block} are there"
    if resources.wanted_registers > SQUEEZE * target.max_registers_per_thread:
        return f"about {resources.wanted_registers} registers a thread: it would spill"
    return None


def crowded(schedule: Schedule) -> bool:
    """Whether a tile has so many sums and copies a thread that no compiler fits it into the registers.

    A filter before anything is built, so it lets pass what some build keeps in registers: up to 128 sums a thread, and
    with more than 64 of them up to 20 copies of 16 bytes a step. Descriptors take no registers for copies. Builds for
    the target and for others decide later.
    """
    sums, copies = _held(schedule)
    if schedule.descriptors:
        return sums > 128
    return sums > 128 or (sums > 64 and copies > 20)


def tight(schedule: Schedule) -> bool:
    """Whether some of the builds for sm_80 to sm_100 by Triton 3.6 and 3.9 spill such a tile in float32.

    128x128x32, 64x256x32 and 256x64x32 with 4 warps and 128x256x32 with 8 do, by 8 to 160 bytes a thread; 128x128x16
    with 4 warps does nowhere.
    """
    sums, copies = _held(schedule)
    return sums > 64 and copies > 8


def _held(schedule: Schedule) -> tuple[float, float]:
    """The sums of one thread, and the pieces of 16 bytes that it copies in a step, of 4-byte elements."""
    threads = 32 * schedule.num_warps
    sums = schedule.block_m * schedule.block_n / threads
    return sums, (schedule.block_m + schedule.block_n) * schedule.block_k * 4 / 16 / threads


def candidates(lifted: Lifted, target: Target, stage: Stage) -> tuple[Plan, ...]:
    """Plans of one schedule that change what ``stage`` owns, and plans with an autotune list over one tunable group.

    A list over block sizes keeps the input's warps and stages, a list over warps and stages the input's blocks, and
    each holds the input's own configuration: timing it on the user's GPU then never ends with a slower one. Plans come
    in the order in which they were thought of; ranking them is for the search.
    """
    algorithm = lifted.algorithm
    if not isinstance(algorithm, Contraction):
        return ()
    base = replace(
        lifted.schedule, group_m=lifted.schedule.group_m if lifted.schedule.program_order == "grouped" else 1
    )
    grids = [replace(base, **change) for change in _grid_changes(lifted, base, target, stage)]  # type: ignore[arg-type]
    plans: list[Plan] = []
    for grid in grids:
        if grid != lifted.schedule and worth_building(grid) and illegal(grid, lifted, target) is None:
            plans.append((grid,))
    if not reads_its_output(lifted):
        plans += _lists(_worth_tuning(grids), lifted, target, stage)
    return tuple(dict.fromkeys(plans))


def _lists(grids: Sequence[Schedule], lifted: Lifted, target: Target, stage: Stage) -> list[Plan]:
    """Autotune lists on top of each grid; the tiles are chosen once for each split and layout: orders hardly matter."""
    plans: list[Plan] = []
    chosen: dict[object, list[Plan]] = {}
    for grid in grids:
        key = (grid.split_k, _layout(grid))
        if key not in chosen:
            plain = replace(grid, program_order="row_major", group_m=1, persistent=False)
            found = _launch_lists(plain, lifted, target) if LAUNCH_GROUP in stage.tunable else []
            # the block of a descriptor is made before the tuner chooses
            if BLOCK_GROUP in stage.tunable and not grid.descriptors:
                found += _block_lists(plain, lifted, target)
            chosen[key] = found
        own = {"program_order": grid.program_order, "group_m": grid.group_m, "persistent": grid.persistent}
        for plan in chosen[key]:
            moved = tuple(replace(entry, **own) for entry in plan)  # type: ignore[arg-type]
            if all(worth_building(entry) and illegal(entry, lifted, target) is None for entry in moved):
                plans.append(moved)
    return plans


def _grid_changes(lifted: Lifted, base: Schedule, target: Target, stage: Stage) -> list[dict[str, object]]:
    """Every combination of the grid fields that the stage owns; the input's own comes first."""
    orders: list[dict[str, object]] = [{}]
    if "program_order" in stage.fields:
        names = ("grid_2d", "grid_2d_swapped", "row_major", "column_major")
        orders += [{"program_order": name, "group_m": 1} for name in names]
        orders += [{"program_order": "grouped", "group_m": group} for group in _groups(lifted, base)]
    splits: list[dict[str, object]] = [{}]
    if "split_k" in stage.fields:
        splits += [{"split_k": 1}] if base.split_k > 1 else []
        splits += [{"split_k": split} for split in _splits(lifted, base, target)]
    walks: list[dict[str, object]] = [{}]
    if "persistent" in stage.fields:
        walks.append({"persistent": not base.persistent})
    layouts: list[dict[str, object]] = [{}]
    if set(LAYOUT_GROUP) <= set(stage.fields):
        assert isinstance(lifted.algorithm, Contraction)
        found = layout_choices(lifted.algorithm, lifted.launch, target)
        layouts += with_narrowing(found, lifted.algorithm, lifted.launch, target, offered=FIELD in stage.fields)
    return [
        {**order, **split, **walk, **layout} for order, split, walk, layout in product(orders, splits, walks, layouts)
    ]


def _groups(lifted: Lifted, base: Schedule) -> list[int]:
    """Group heights that differ from walking down a whole column."""
    rows = -(-_sizes(lifted)["m"] // base.block_m)
    return [group for group in GROUPS if group < rows] or [GROUPS[0]]


def _splits(lifted: Lifted, base: Schedule, target: Target) -> list[int]:
    """Splits that fill idle SMs and leave each program at least two steps of k."""
    sizes = _sizes(lifted)
    batch = prod(length for axis, length in sizes.items() if axis not in "mnk")
    tiles = -(-sizes["m"] // base.block_m) * -(-sizes["n"] // base.block_n) * batch
    steps = -(-sizes["k"] // base.block_k)
    if tiles >= target.sm_count:
        return []
    return [split for split in SPLITS if tiles * split <= 4 * target.sm_count and steps >= 2 * split]


def _layout(schedule: Schedule) -> tuple[object, ...]:
    return tuple(getattr(schedule, name) for name in (*LAYOUT_GROUP, FIELD))


def _sizes(lifted: Lifted) -> dict[str, int]:
    assert isinstance(lifted.algorithm, Contraction)
    return {axis: max(size, 1) for axis, size in sizes_of(lifted.algorithm, lifted.launch).items()}


def _worth_tuning(grids: Sequence[Schedule]) -> list[Schedule]:
    """One grid of each kind: a list over tiles on top of every group height would only repeat itself."""
    kept: dict[object, Schedule] = {}
    for grid in grids:
        key = (grid.program_order, grid.persistent, grid.split_k, _layout(grid))
        if key not in kept or grid.group_m == 8:
            kept[key] = grid
    return list(kept.values())


def _launch_lists(grid: Schedule, lifted: Lifted, target: Target) -> list[Plan]:
    settings = product((4, 8, 2), (2, 3, 4, 5))
    return _list_of([replace(grid, num_warps=warps, num_stages=stages) for warps, stages in settings], lifted, target)


def _block_lists(grid: Schedule, lifted: Lifted, target: Target) -> list[Plan]:
    assert isinstance(lifted.algorithm, Contraction)
    held, sizes = held_whole(lifted.algorithm), _sizes(lifted)
    rows, columns = ((least_block(sizes[axis]),) if axis in held else TILE_SIDES for axis in "mn")
    tiles = product(rows, columns, TILE_DEPTHS)
    least = LEAST_SUMS * 32 * grid.num_warps
    entries = [replace(grid, block_m=m, block_n=n, block_k=k) for m, n, k in tiles if m * n >= least]
    return _list_of(entries, lifted, target)


def _list_of(entries: Sequence[Schedule], lifted: Lifted, target: Target) -> list[Plan]:
    """One list of the best entries and the input's own, or none where nothing but the input's own is left."""
    before = lifted.schedule
    changed = ("block_m", "block_n", "block_k", "num_warps", "num_stages")
    own = replace(entries[0], **{name: getattr(before, name) for name in changed})
    legal = [one for one in entries if one != own and not crowded(one) and illegal(one, lifted, target) is None]
    found = _best(legal, lifted, target)
    if found and illegal(own, lifted, target) is None:
        found = _ranked((*found, own), lifted, target)
    return [found] if len(found) > 1 else []


def _ranked(entries: Iterable[Schedule], lifted: Lifted, target: Target) -> Plan:
    """The entries that fit, by predicted time; equal ones in the order they came."""
    timed = [(estimate(work(lifted, entry, lifted.launch), target).time_us, entry) for entry in entries]
    return tuple(entry for time_us, entry in sorted(timed, key=lambda pair: pair[0]) if time_us < inf)


def _best(entries: Iterable[Schedule], lifted: Lifted, target: Target) -> Plan:
    """The entries that the cost model likes best, fastest first, few of them tight and few of them alike."""
    kept: list[Schedule] = []
    for entry in _ranked(entries, lifted, target):
        area = (entry.num_warps, entry.num_stages, entry.block_m * entry.block_n)
        alike = sum(area == (one.num_warps, one.num_stages, one.block_m * one.block_n) for one in kept)
        if alike < MOST_ALIKE and (not tight(entry) or sum(map(tight, kept)) < MOST_TIGHT):
            kept.append(entry)
        if len(kept) == LIST_LENGTH:
            break
    return tuple(kept)
