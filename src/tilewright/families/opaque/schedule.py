"""What can be changed about a kernel that is not understood, and when."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import product

from tilewright.families.family import Plan
from tilewright.families.opaque.effects import rerun_hazard
from tilewright.records.algorithm import Opaque
from tilewright.records.launch import Launch
from tilewright.records.schedule import Schedule
from tilewright.records.stage import Stage
from tilewright.records.target import Target
from tilewright.records.trial import Lifted

LAUNCH_GROUP = ("num_warps", "num_stages")
WARPS = (1, 2, 4, 8, 16)
STAGES = (1, 2, 3, 4, 5)
"""Of the loops that Triton pipelines; where a kernel has none, all are the same binary."""
MOST_PROGRAMS_TO_SWAP = 4096
"""Axis 0 takes 2**31 programs, axis 1 only 65535: a swap keeps a factor of 16 for larger inputs."""


def lift(launch: Launch, reasons: tuple[str, ...] = ()) -> Lifted:
    """Take a launch as it is; ``reasons`` say why each other family declined."""
    schedule = Schedule(num_warps=launch.num_warps, num_stages=launch.num_stages, block_m=0, block_n=0, block_k=0)
    return Lifted(algorithm=Opaque(kernel=launch.kernel, reasons=reasons), schedule=schedule, launch=launch)


def candidates(lifted: Lifted, target: Target, stage: Stage) -> tuple[Plan, ...]:
    """Other warps (one number, or a list that the first run settles), and the grid's two axes swapped.

    Returns:
        Nothing where the kernel does not compile or the stage owns none of this.
    """
    launch = lifted.launch
    if launch.error:
        return ()
    plans: list[Plan] = []
    if LAUNCH_GROUP in stage.tunable and not launch.configuration:
        most = target.max_threads_per_block // target.warp_size
        others = [replace(lifted.schedule, num_warps=warps) for warps in WARPS if warps <= most]
        plans += [(entry,) for entry in others if entry != lifted.schedule]
        if rerun_hazard(launch) is None and len(others) > 1:
            plans.append(tuple(entry for entry in others if entry.num_warps in (2, 4, 8) or entry == lifted.schedule))
    if "program_order" in stage.fields and swap_hazard(launch) is None:
        plans.append((replace(lifted.schedule, program_order=swapped(lifted.schedule.program_order)),))
    return tuple(plans)


def variants(lifted: Lifted, base: Schedule, target: Target, fields: Collection[str]) -> tuple[Schedule, ...]:
    """Every other choice of warps, stages and grid axes within ``fields``, ``base`` left out.

    Nothing where the kernel does not compile; only the axes where it carries an autotune list of its own.
    """
    launch = lifted.launch
    if launch.error:
        return ()
    tuned = bool(launch.configuration)
    most = target.max_threads_per_block // target.warp_size
    warps = [count for count in WARPS if count <= most] if "num_warps" in fields and not tuned else []
    stages = STAGES if "num_stages" in fields and not tuned else ()
    orders = [base.program_order]
    if "program_order" in fields and swap_hazard(launch) is None:
        orders.append(swapped(base.program_order))
    found = [
        replace(base, num_warps=count, num_stages=depth, program_order=order)
        for order, count, depth in product(orders, warps or [base.num_warps], stages or [base.num_stages])
    ]
    return tuple(dict.fromkeys(one for one in found if one != base))


def swap_hazard(launch: Launch) -> str | None:
    """Why the grid's two axes had better not be swapped; ``None`` where they may."""
    rows, columns, depth = launch.grid
    if depth != 1 or columns == 1 or rows == 1:
        return "the grid has no two axes longer than 1"
    if rows > MOST_PROGRAMS_TO_SWAP:
        return f"axis 0 has {rows} programs, and axis 1 may hold at most 65535"
    return None


def swapped(program_order: str) -> str:
    """The other order of a two-dimensional grid."""
    return "grid_2d_swapped" if program_order == "grid_2d" else "grid_2d"
