"""Which schedules of a contraction are legal on a target, and which are worth looking at in a stage."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from itertools import product
from math import inf, prod

from tilewright.cost import estimate, guess
from tilewright.families.contraction.emit_expression import operands
from tilewright.families.contraction.emit_grid import FLATTENED
from tilewright.families.contraction.work import sizes_of, work
from tilewright.families.family import Plan
from tilewright.records.algorithm import Contraction
from tilewright.records.launch import TensorArgument
from tilewright.records.schedule import Schedule
from tilewright.records.stage import Stage
from tilewright.records.target import Target
from tilewright.records.trial import Lifted

GROUPS = (2, 4, 8, 16)
SPLITS = (2, 4, 8, 16)
BLOCK_GROUP = ("block_m", "block_n", "block_k")
LAUNCH_GROUP = ("num_warps", "num_stages")
SMALLEST_DOT_SIDE = 16
"""``tl.dot`` takes no shorter side."""
LARGEST_TILE = 2**20
"""Elements of a tensor that Triton lets a program hold."""
LIST_LENGTH = 6
"""Entries of an emitted autotune list: each is compiled and timed on the user's first call."""
_ACCUMULATORS = {"fp32", "fp16", "bf16", "fp64", "i32"}
_TILE_SIDES = (32, 64, 128, 256)
_TILE_DEPTHS = (16, 32, 64, 128)


def illegal(schedule: Schedule, lifted: Lifted, target: Target) -> str | None:
    """Why ``schedule`` cannot run ``lifted`` on ``target``; ``None`` where it can, for every shape."""
    algorithm = lifted.algorithm
    if not isinstance(algorithm, Contraction):
        return "no contraction"
    if any(output.atomic for output in algorithm.outputs) and lifted.schedule.split_k == 1:
        return "the input adds atomically into its output, whose start value the kernel does not show"
    if algorithm.accumulator_dtype not in _ACCUMULATORS:
        return f"no accumulator of {algorithm.accumulator_dtype}"
    return _illegal_grid(schedule, algorithm) or _illegal_tile(schedule, lifted, target)


def _illegal_grid(schedule: Schedule, algorithm: Contraction) -> str | None:
    flattened = schedule.program_order in FLATTENED
    if schedule.descriptors or schedule.a_layout != "as_is" or schedule.b_layout != "as_is":
        return "operands are read as they lie, through pointers"
    if (schedule.group_m > 1) != (schedule.program_order == "grouped"):
        return "GROUP_M goes with grouped order"
    if schedule.persistent and not flattened:
        return "persistence needs all tiles on one axis"
    if schedule.persistent and schedule.split_k > 1:
        return "k is split where there are too few tiles, persistence helps where there are many"
    if schedule.split_k > 1 and algorithm.batch_axes and not flattened:
        return "tile rows, tile columns, batch and split are four axes: a grid has three"
    if schedule.split_k < 1 or schedule.split_k & (schedule.split_k - 1):
        return "SPLIT_K is a power of two"
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
    if resources.wanted_registers > target.max_registers_per_thread:
        return f"about {resources.wanted_registers} registers a thread: it would spill"
    return None


def spills_elsewhere(schedule: Schedule) -> bool:
    """Whether some Triton version spills this tile on some GPU: such tiles are left out of autotune lists.

    Seen in builds for sm_80 to sm_100 with Triton 3.6 and 3.9: more than 64 sums a thread, or 8 warps that copy more
    than 8 pieces of 16 bytes a thread in each step.
    """
    threads = 32 * schedule.num_warps
    copies = (schedule.block_m + schedule.block_n) * schedule.block_k * 4 / 16 / threads
    return schedule.block_m * schedule.block_n > 64 * threads or (schedule.num_warps >= 8 and copies > 8)


def candidates(lifted: Lifted, target: Target, stage: Stage) -> tuple[Plan, ...]:
    """Plans of one schedule that change what ``stage`` owns, and plans with an autotune list over one tunable group.

    In a list over block sizes all entries have the same warps and stages, in a list over warps and stages the input's
    blocks. Plans come in the order in which they were thought of; ranking them is for the search.
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
        if grid != lifted.schedule and illegal(grid, lifted, target) is None:
            plans.append((grid,))
    if not _reads_its_output(algorithm, lifted):
        plans += _lists(_worth_tuning(grids), lifted, target, stage)
    return tuple(dict.fromkeys(plans))


def _reads_its_output(algorithm: Contraction, lifted: Lifted) -> bool:
    """Whether an autotuner's trial runs would change the kernel's own input (a residual added in place)."""
    origins = {a.parameter: a.origin for a in lifted.launch.arguments if isinstance(a, TensorArgument)}
    read = [algorithm.a, algorithm.b, *(loaded for out in algorithm.outputs for loaded in operands(out.value))]
    written = {output.operand.parameter for output in algorithm.outputs}
    written |= {origins[name] for name in written if name in origins}
    return any(one.parameter in written or origins.get(one.parameter) in written for one in read)


def _lists(grids: Sequence[Schedule], lifted: Lifted, target: Target, stage: Stage) -> list[Plan]:
    """Autotune lists on top of each grid; the tiles are chosen once for each split, as the order hardly matters."""
    plans: list[Plan] = []
    chosen: dict[int, list[Plan]] = {}
    for grid in grids:
        if grid.split_k not in chosen:
            plain = replace(grid, program_order="row_major", group_m=1, persistent=False)
            found = _launch_lists(plain, lifted, target) if LAUNCH_GROUP in stage.tunable else []
            if BLOCK_GROUP in stage.tunable:
                found += _block_lists(plain, lifted, target, free_launch=LAUNCH_GROUP in stage.tunable)
            chosen[grid.split_k] = found
        own = {"program_order": grid.program_order, "group_m": grid.group_m, "persistent": grid.persistent}
        for plan in chosen[grid.split_k]:
            moved = tuple(replace(entry, **own) for entry in plan)  # type: ignore[arg-type]
            if all(illegal(entry, lifted, target) is None for entry in moved):
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
    return [{**order, **split, **walk} for order, split, walk in product(orders, splits, walks)]


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


def _sizes(lifted: Lifted) -> dict[str, int]:
    assert isinstance(lifted.algorithm, Contraction)
    return {axis: max(size, 1) for axis, size in sizes_of(lifted.algorithm, lifted.launch).items()}


def _worth_tuning(grids: Sequence[Schedule]) -> list[Schedule]:
    """One grid of each kind: a list over tiles on top of every group height would only repeat itself."""
    kept: dict[tuple[str, bool, int], Schedule] = {}
    for grid in grids:
        key = (grid.program_order, grid.persistent, grid.split_k)
        if key not in kept or grid.group_m == 8:
            kept[key] = grid
    return list(kept.values())


def _launch_lists(grid: Schedule, lifted: Lifted, target: Target) -> list[Plan]:
    settings = product((4, 8, 2), (2, 3, 4, 5))
    legal = [
        entry
        for warps, stages in settings
        if illegal(entry := replace(grid, num_warps=warps, num_stages=stages), lifted, target) is None
        and not spills_elsewhere(entry)
    ]
    best = _best(legal, lifted, target)
    return [best] if len(best) > 1 else []


def _block_lists(grid: Schedule, lifted: Lifted, target: Target, *, free_launch: bool) -> list[Plan]:
    settings = [(grid.num_warps, grid.num_stages)]
    if free_launch:
        settings += [pair for pair in product((4, 8), (2, 3, 4)) if pair not in settings]
    plans: list[Plan] = []
    for warps, stages in settings:
        entries = [
            replace(grid, block_m=m, block_n=n, block_k=k, num_warps=warps, num_stages=stages)
            for m, n, k in product(_TILE_SIDES, _TILE_SIDES, _TILE_DEPTHS)
        ]
        legal = [
            entry
            for entry in entries
            if not spills_elsewhere(entry)
            and entry.block_m * entry.block_n >= 8 * 32 * warps
            and illegal(entry, lifted, target) is None
        ]
        best = _best(legal, lifted, target)
        if len(best) > 1:
            plans.append(best)
    return plans


def _best(entries: Iterable[Schedule], lifted: Lifted, target: Target) -> Plan:
    """The entries that the cost model likes best, fastest first; equal ones in the order they came."""
    timed = [(estimate(work(lifted, entry, lifted.launch), target).time_us, entry) for entry in entries]
    ranked = sorted((pair for pair in timed if pair[0] < inf), key=lambda pair: pair[0])
    return tuple(entry for _, entry in ranked[:LIST_LENGTH])
