"""How many programs an SM holds at once, by NVIDIA's allocation rules."""

from __future__ import annotations

from tilewright.records.estimate import Occupancy
from tilewright.records.target import Target

WARP_ALLOCATION_GRANULARITY = 4
"""Warps share a register file by fours, one per sub-core (CUDA occupancy calculator, all chips since cc 5.0)."""


def occupancy(target: Target, *, num_warps: int, registers_per_thread: int, shared_bytes: int) -> Occupancy:
    """Return the programs and warps that one SM holds.

    Registers are given to warps in whole allocation units, shared memory to programs in whole units plus what the
    driver reserves for each program. A program that does not fit at all has 0 programs.

    Args:
        target: the GPU.
        num_warps: warps of one program.
        registers_per_thread: registers of one thread; 0 where unknown, which then limits nothing.
        shared_bytes: static and dynamic shared memory of one program.

    Raises:
        ValueError: a count is negative, or ``num_warps`` is not positive.
    """
    if num_warps < 1 or registers_per_thread < 0 or shared_bytes < 0:
        raise ValueError(
            f"{num_warps=}, {registers_per_thread=}, {shared_bytes=}: counts of a program cannot be negative"
        )
    limits = {
        "shared_memory": _by_shared_memory(target, shared_bytes),
        "registers": _by_registers(target, num_warps, registers_per_thread),
        "warps": min(target.max_warps_per_sm, target.max_threads_per_sm // target.warp_size) // num_warps,
        "blocks": target.max_blocks_per_sm,
    }
    if num_warps * target.warp_size > target.max_threads_per_block:
        limits["warps"] = 0
    limited_by = min(limits, key=lambda name: limits[name])
    programs = limits[limited_by]
    return Occupancy(
        programs_per_sm=programs,
        warps_per_sm=programs * num_warps,
        fraction=programs * num_warps / target.max_warps_per_sm,
        limits=limits,
        limited_by=limited_by,
    )


def _round_up(value: int, unit: int) -> int:
    return -(-value // unit) * unit


def _by_shared_memory(target: Target, shared_bytes: int) -> int:
    if shared_bytes > target.shared_bytes_per_block:
        return 0
    taken = _round_up(shared_bytes + target.shared_reserved_bytes_per_block, target.shared_allocation_unit_bytes)
    return target.shared_bytes_per_sm // taken if taken else target.max_blocks_per_sm


def _by_registers(target: Target, num_warps: int, registers_per_thread: int) -> int:
    if registers_per_thread == 0:
        return target.max_blocks_per_sm
    if registers_per_thread > target.max_registers_per_thread:
        return 0
    of_a_warp = _round_up(registers_per_thread * target.warp_size, target.register_allocation_unit)
    warps = target.registers_per_sm // of_a_warp // WARP_ALLOCATION_GRANULARITY * WARP_ALLOCATION_GRANULARITY
    return warps // num_warps
