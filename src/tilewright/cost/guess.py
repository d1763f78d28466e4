"""What Triton will ask for, guessed from the schedule alone, so that candidates can be dropped before any is built.

Shared memory follows Triton's pipelining rules exactly for plain pointer loads (checked against builds for sm_80,
sm_89 and sm_90). Registers are a rough fit: good for telling a tile that spills by far from one that does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from tilewright.records.target import Target
from tilewright.records.work import Work

SQUEEZE = 1.15
"""Wanted registers over granted ones up to which builds of the check above touch no more than a dozen spilled registers
in a step; beyond, spills grow with each register wanted."""

PLAIN_VALUES = 0.25
"""Values beside its sum that an epilogue which is not demanding holds for each sum, at once."""

BARRIER_BYTES = 8
"""Beside each buffer that the copy engine fills."""

MATRIX_PATHS = ("mma_sync", "wgmma", "tcgen05", "none")


@dataclass(frozen=True, slots=True, kw_only=True)
class Resources:
    """What one program takes of an SM."""

    registers_per_thread: int
    """As the compiler would report: never above the target's most."""
    wanted_registers: int
    """What the schedule would like. Up to SQUEEZE times the most is squeezed in by the compiler, the rest spills."""
    shared_bytes: int


def matrix_path(target: Target, work: Work) -> str:
    """Return how Triton will multiply tiles on this target: one of MATRIX_PATHS."""
    if not any(unit.startswith("tensor") for unit in work.flops):
        return "none"
    major = target.compute_capability[0]
    whole_groups = instruction_sides(work)[0] >= 64 and work.num_warps % 4 == 0
    if major == 9 and whole_groups:
        return "wgmma"
    if major == 10 and whole_groups:
        return "tcgen05"
    if major < 8:
        return "none"
    return "mma_sync"


def instruction_sides(work: Work) -> tuple[int, int]:
    """Return the rows and columns of a program's tile as the matrix instructions see them."""
    return (work.block_n, work.block_m) if work.turned else (work.block_m, work.block_n)


def warp_grid(work: Work, path: str) -> tuple[int, int]:
    """Return the warps (for ``wgmma``, warp groups of four) along m and along n of one program's tile.

    For ``mma_sync`` Triton halves the longer side in instruction tiles of 16x8 until every warp has its part.
    """
    if path == "wgmma":
        groups = max(1, work.num_warps // 4)
        along_rows = max(1, min(groups, instruction_sides(work)[0] // 64))
        along_columns = groups // along_rows
        return (along_columns, along_rows) if work.turned else (along_rows, along_columns)
    if path == "tcgen05":
        return 1, 1
    warps = [1, 1]
    repeats = [ceil(work.block_m / 16), ceil(work.block_n / 8)]
    while warps[0] * warps[1] < work.num_warps:
        axis = 0 if repeats[0] >= repeats[1] else 1
        warps[axis] *= 2
        repeats[axis] = max(1, repeats[axis] // 2)
    return warps[0], warps[1]


def guess(target: Target, work: Work, path: str | None = None) -> Resources:
    """Return the registers and shared memory that Triton would report for a schedule."""
    if work.tiles is None or not work.block_k:
        return Resources(registers_per_thread=32, wanted_registers=32, shared_bytes=0)
    path = path or matrix_path(target, work)
    wanted = _registers(work, path)
    return Resources(
        registers_per_thread=min(wanted, target.max_registers_per_thread),
        wanted_registers=wanted,
        shared_bytes=_shared_bytes(target, work, path),
    )


def copies_per_thread(work: Work) -> float:
    """Return the asynchronous copies of 16 bytes that a thread issues in one k step; none where an engine does it."""
    if work.descriptors:
        return 0.0
    return (work.block_m + work.block_n) * work.block_k * work.compute_bytes / 16 / (32 * work.num_warps)


def _shared_bytes(target: Target, work: Work, path: str) -> int:
    """Operand buffers: one a stage where the tensor core reads shared memory itself, else one fewer.

    Before sm_80 there are no asynchronous copies, hence no pipeline. The 32-bit epilogue of ``wgmma`` changes
    its layout through the same space; ``tcgen05`` keeps barriers beside it. So does the copy engine, one a buffer.
    Where its next tile is fetched while one is stored, in halves, that space is there beside them; a half that lies
    with other warps than it is computed by passes through a whole tile of it. What goes through registers is out of its
    buffer a stage earlier, so it has one fewer.
    """
    one_stage = int((work.block_m + work.block_n) * work.block_k * work.compute_bytes)
    if target.compute_capability < (8, 0):
        return one_stage
    barrier = BARRIER_BYTES if work.descriptors else 0
    if path == "wgmma":
        buffers = (one_stage + barrier) * max(1, work.num_stages)
        if work.turned and work.num_stages > 1:
            buffers = _turned_buffers(work)
        if work.persistent and work.descriptors:
            return buffers + _stored_at_once(work, path)
        epilogue = work.block_m * work.block_n * 4 // work.epilogue_parts if work.stored_bytes == 4 else 0
        return max(buffers, epilogue)
    if path == "tcgen05":
        return (one_stage + barrier) * max(1, work.num_stages) + (16 if work.num_stages > 1 else 8)
    return (one_stage + barrier) * max(1, work.num_stages - 1)


def _stored_at_once(work: Work, path: str) -> int:
    """Bytes of a tile that pass through shared memory together on their way out of a persistent kernel.

    Of parts of a tile they are a part's, or only its rows that one instruction of each warp group has.
    """
    along_m, along_n = warp_grid(work, path)
    tile = work.block_m * work.block_n * work.stored_bytes
    if work.epilogue_parts > 1:
        return tile // work.epilogue_parts // max(1, work.block_m // (64 * along_m))
    return tile if along_n > 1 else tile // 2


def _turned_buffers(work: Work) -> int:
    """A's buffers and barriers, these in pieces of 16 bytes, and one fewer of B."""
    depth, stages = work.block_k * work.compute_bytes, work.num_stages
    of_a = work.block_m * depth * stages + 16 * ceil(BARRIER_BYTES * stages / 16)
    return of_a + (work.block_n * depth + BARRIER_BYTES) * (stages - 1)


def _registers(work: Work, path: str) -> int:
    """Accumulators, operand fragments, and addresses of the copies in flight, by a least-squares line each.

    The copy engine has its own addresses. Without tensor cores by 26 tiles of 8 to 64 sums a thread, which Triton 3.6
    gave 56 to 198 registers on sm_90; with 128 sums they spill.
    """
    threads = 32 * work.num_warps
    accumulators = work.block_m * work.block_n / threads
    copies = copies_per_thread(work)
    # fitted with plain epilogues, whose values are in these lines with a quarter of the sums
    held = accumulators * max(0.0, work.epilogue_values / work.epilogue_parts - PLAIN_VALUES)
    if path == "wgmma":
        return round(20 + 1.25 * accumulators + held + 1.2 * copies)
    if path == "tcgen05":
        slope, fixed = (1.65, 12) if work.compute_bytes == 4 else (1.1, 15)
        return round(fixed + slope * accumulators + held)
    if path == "none":
        return round(40 + 2.0 * accumulators + held)
    along_m, along_n = warp_grid(work, path)
    fragments = work.block_m / along_m + work.block_n / along_n
    return round(29 + 1.25 * accumulators + held + 0.2 * fragments + 2.35 * copies)
