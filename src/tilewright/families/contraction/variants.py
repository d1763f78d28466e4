"""Single schedules of a contraction that differ from another in some fields, for a search that measures.

Unlike :func:`~tilewright.families.contraction.schedule.candidates`, which thinks of autotune lists for a GPU that is
not at hand, nothing is chosen here: every legal value of every field is offered, and the search ranks them.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import replace
from itertools import product

from tilewright.families.contraction.layouts import LAYOUT_GROUP, Choice, layout_choices
from tilewright.families.contraction.narrowing import FIELD, with_narrowing
from tilewright.families.contraction.reductions import SMALLEST_DOT_SIDE, held_whole, least_block
from tilewright.families.contraction.registers import worth_building
from tilewright.families.contraction.schedule import (
    BLOCK_GROUP,
    GROUPS,
    LEAST_SUMS,
    SPLITS,
    TILE_DEPTHS,
    TILE_SIDES,
    crowded,
    illegal,
)
from tilewright.families.contraction.sizes import sizes_of
from tilewright.records.algorithm import Contraction
from tilewright.records.schedule import Schedule
from tilewright.records.target import Target
from tilewright.records.trial import Lifted

_ORDERS = ("grid_2d", "grid_2d_swapped", "row_major", "column_major")
_WARPS = (4, 8, 2, 16)
_SPLITS = (*SPLITS, 32, 64, 128)
"""More than lists have: 132 SMs and four tiles want 32, and the search knows the launch's sizes."""
_STAGES = (2, 3, 4, 5)
_POINTERS = ("recomputed", "advanced")
_MASKS = ("general", "wrapped", "even_k")


def variants(lifted: Lifted, base: Schedule, target: Target, fields: Collection[str]) -> tuple[Schedule, ...]:
    """Every schedule worth a look that is legal on ``target`` and differs from ``base`` in ``fields`` only.

    Args:
        lifted: the contraction, with the input's own schedule.
        base: where to start from.
        target: the GPU.
        fields: names of Schedule fields that may change, together.

    Returns:
        In the order in which they were thought of, ``base`` left out.
    """
    if not isinstance(lifted.algorithm, Contraction):
        return ()
    # an order of the input's own cannot be written down: candidates walk row by row instead, if they may
    custom = base.program_order == "custom"
    if custom and "program_order" not in fields:
        return ()
    base = replace(base, program_order="row_major", group_m=1) if custom else base
    found = []
    layouts = layout_choices(lifted.algorithm, lifted.launch, target) if set(LAYOUT_GROUP) <= set(fields) else []
    if layouts:
        layouts = with_narrowing(layouts, lifted.algorithm, lifted.launch, target, offered=FIELD in fields)
    for choice in _choices(fields, layouts, _tiles(lifted) if set(BLOCK_GROUP) & set(fields) else []):
        schedule = replace(base, **choice)
        if schedule.descriptors:  # neither means anything beside a descriptor
            schedule = replace(schedule, pointers=base.pointers, masks=base.masks)
        if not worth_building(schedule):
            continue
        if schedule != base and _worthwhile(schedule, fields) and illegal(schedule, lifted, target) is None:
            found.append(schedule)
    return tuple(dict.fromkeys(found))


def _tiles(lifted: Lifted) -> list[Choice]:
    """Tiles less than twice as long as the output's side; the shortest that ``tl.dot`` takes only where that is so.

    An axis that is reduced along has one block.
    """
    assert isinstance(lifted.algorithm, Contraction)
    sizes = sizes_of(lifted.algorithm, lifted.launch)
    held = held_whole(lifted.algorithm)
    # beside an axis that is held whole there may be room for the shortest side alone
    others = [SMALLEST_DOT_SIDE] if held else []
    rows, columns = ([least_block(sizes[axis])] if axis in held else [*others, *_sides(sizes[axis])] for axis in "mn")
    return [{"block_m": m, "block_n": n, "block_k": k} for m, n, k in product(rows, columns, TILE_DEPTHS)]


def _sides(extent: int) -> list[int]:
    if extent <= SMALLEST_DOT_SIDE:
        return [SMALLEST_DOT_SIDE, TILE_SIDES[0]]
    return [side for side in TILE_SIDES if side < 2 * extent]


def _choices(fields: Collection[str], layouts: Sequence[Choice], tiles: Sequence[Choice]) -> Iterator[Choice]:
    """Every combination of the values of the fields; a group of fields that make sense together is one axis."""
    axes: list[Sequence[Choice]] = [[{}, *layouts]]
    if "program_order" in fields:
        orders: list[Choice] = [{"program_order": name, "group_m": 1} for name in _ORDERS]
        axes.append([{}, *orders, *({"program_order": "grouped", "group_m": group} for group in GROUPS)])
    if "split_k" in fields or "persistent" in fields:
        # k is split where tiles are too few, a program walks many tiles where there are many: never both
        splits: list[Choice] = [{"split_k": split, "persistent": False} for split in (1, *_SPLITS)]
        axes.append([{}, *splits, {"split_k": 1, "persistent": True}])
    if tiles:
        axes.append([{}, *tiles])
    for name, values in (("num_warps", _WARPS), ("num_stages", _STAGES), ("pointers", _POINTERS), ("masks", _MASKS)):
        if name in fields:
            axes.append([{}, *({name: value} for value in values)])
    for combination in product(*axes):
        yield {name: value for choice in combination for name, value in choice.items()}


def _worthwhile(schedule: Schedule, fields: Collection[str]) -> bool:
    """Whether a tile is neither too small for its loads nor too large for the registers."""
    if not {*BLOCK_GROUP, "num_warps"} & set(fields):
        return True
    enough = schedule.block_m * schedule.block_n >= LEAST_SUMS * 32 * schedule.num_warps
    return enough and not crowded(schedule)
