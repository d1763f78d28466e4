"""B through registers: where the 32-bit ``wgmma`` of Hopper takes a B that lies along n, without a copy of it.

The 32-bit instruction reads shared memory along k only, but its first operand may come from registers in any layout.
So the product is turned round, sums[n, m] = B^T[n, k] * A^T[k, m]: B is the first operand, A lies along k as it is.
"""

from __future__ import annotations

from tilewright.records.algorithm import Contraction, Operand
from tilewright.records.schedule import Schedule
from tilewright.records.target import Target

REGISTERS = "registers"
"""The value of ``b_layout``. B lies along n in memory, as in ``n_major``."""
_ROWS = 64
"""Of the tile that four warps multiply by one ``wgmma``."""
_MOST_COLUMNS = 256
"""Of a tile beside it, which one instruction takes."""
_WORTH_BUILDING = {
    (256, 64, 32): ((4, 3),),
    (128, 128, 32): ((4, 3), (4, 4)),
    (64, 64, 64): ((4, 3), (4, 4)),
}
"""Tile (m, n, k) to warps and stages. A program does nothing while it waits for its fragments of B, so two have to fit
an SM of Hopper. These do, and were the fastest of some forty that were timed on an H200, of large products and small
ones; more warps to a program gained nothing."""


def fits_registers(algorithm: Contraction, target: Target) -> bool:
    """Whether anything is gained: 16-bit units take B along n from shared memory, and only Hopper has ``wgmma``."""
    return target.compute_capability[0] == 9 and _plain_fp32(algorithm.a) and _plain_fp32(algorithm.b)


def illegal_registers(schedule: Schedule, algorithm: Contraction, target: Target) -> str | None:
    """Why B cannot go through registers; ``None`` where it can, or where the schedule does not ask for it."""
    if schedule.b_layout != REGISTERS:
        return None
    if not fits_registers(algorithm, target) or algorithm.accumulator_dtype != "fp32":
        return "only float32 products on Hopper's tensor cores take B through registers"
    if schedule.input_precision != "tf32" or schedule.operand_dtype:
        return "only products in TF32 take B through registers"
    if not schedule.descriptors or schedule.a_layout != "k_major":
        return "B goes through registers where A is k_major and both have descriptors"
    if algorithm.a.orders or algorithm.b.orders:
        return "a triangle does not go through registers"
    if schedule.persistent:
        return "a program that walks many tiles does not take B through registers"
    if schedule.num_warps % 4 or schedule.block_n < _ROWS * schedule.num_warps // 4:
        return f"four warps multiply {_ROWS} columns of B at a time"
    if schedule.block_m > _MOST_COLUMNS:
        return f"one instruction takes at most {_MOST_COLUMNS} rows of A"
    return None


def worth_building(schedule: Schedule) -> bool:
    """Whether a search looks at it; at any, where B does not go through registers.

    A split k never paid: 1024 cubed took 18 us with 64x64x64 and 22 us with any split of larger tiles.
    """
    tile = (schedule.block_m, schedule.block_n, schedule.block_k)
    launch = (schedule.num_warps, schedule.num_stages)
    if schedule.b_layout != REGISTERS:
        return True
    return schedule.split_k == 1 and launch in _WORTH_BUILDING.get(tile, ())


def _plain_fp32(operand: Operand) -> bool:
    return operand.dtype == "fp32" and not operand.casts
