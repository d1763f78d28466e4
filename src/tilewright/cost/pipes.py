"""Cycles that each pipe of an SM is busy with one k step of one program.

Tensor cores, shared memory and instruction issue work side by side only as far as there are other warps to fill the
gaps, so each pipe's cycles are kept apart here and joined in ``roofline``.
"""

from __future__ import annotations

from dataclasses import dataclass

from tilewright.cost.constants import (
    FRAGMENT_CONFLICT_CYCLES,
    FRAGMENT_LOAD_CYCLES,
    FRAGMENT_WAIT_CYCLES,
    ISSUE_SLOTS_PER_CLK_PER_SM,
    MMA_SYNC_SHARE_OF_WGMMA,
    SHARED_BYTES_PER_CLK_PER_SM,
    TRANSPOSED_COPY_CYCLES,
)
from tilewright.cost.guess import SQUEEZE, copies_per_thread, guess, instruction_sides, matrix_path, warp_grid
from tilewright.records.build import Build
from tilewright.records.target import Target
from tilewright.records.work import TiledOperand, Work

SPILL_OPCODES = ("LDL", "STL")
SPILL_MOVES = 6.0
"""Guessed loads and stores a step of a sum without a register. Public measurements of 256x256 tiles, which want about
1.6 times the registers there are, found them several times slower than the best tile; it cannot be told closer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StepCycles:
    """Busy cycles of one SM for one k step of one program."""

    tensor: float
    fp32: float
    shared: float
    issue: float
    copy: float = 0.0
    """Cycles of ``shared`` in which tiles are written."""
    shared_bytes: float
    """Bytes that cross the shared-memory pipe in that step."""
    fragments: float = 0.0
    """Cycles in which a program's own products wait for an operand on its way through registers."""
    pipelined: bool = True
    """Tiles are on their way while others are multiplied; otherwise each step waits for its own."""

    def total(self) -> float:
        """Return the cycles of all pipes one after the other."""
        return self.tensor + self.fp32 + self.shared + self.issue

    def longest(self) -> float:
        """Return the cycles of the busiest pipe."""
        return max(self.tensor, self.fp32, self.shared, self.issue)


def built_path(target: Target, work: Work, build: Build | None) -> str:
    """Return the matrix path that the binary takes, or the one expected where there is no binary."""
    if build is None:
        return matrix_path(target, work)
    stems = {*build.mix.loop, *build.mix.outside}
    if "HGMMA" in stems:
        return "wgmma"
    if any(stem.startswith("UTC") and stem.endswith("MMA") for stem in stems):
        return "tcgen05"
    return "mma_sync" if "HMMA" in stems else "none"


def flops_per_clk_per_sm(target: Target, unit: str, path: str) -> float:
    """Return what one SM reaches of a unit's dense peak on the given matrix path, in flops a clock."""
    peaks = {
        "tensor_tf32": target.tf32_tflops,
        "tensor_fp16": target.fp16_tflops,
        "tensor_bf16": target.bf16_tflops,
        "fp32": target.fp32_tflops,
    }
    peak = peaks[unit]
    if peak is None or (unit != "fp32" and path == "none"):
        peak = target.fp32_tflops
    rate = peak * 1e12 / (target.sm_count * target.boost_clock_mhz * 1e6)
    if unit != "fp32" and path == "mma_sync" and target.compute_capability[0] in (9, 10):
        rate *= MMA_SYNC_SHARE_OF_WGMMA
    return rate


def step_cycles(work: Work, target: Target, build: Build | None) -> StepCycles:
    """Return the busy cycles of each pipe for one k step of one program."""
    path = built_path(target, work, build)
    steps = work.programs * work.k_steps
    tensor = fp32 = 0.0
    for unit, flops in work.flops.items():
        cycles = flops / steps / flops_per_clk_per_sm(target, unit, path)
        if unit == "fp32" or path == "none":
            fp32 += cycles
        else:
            tensor += cycles
    shared, copy, shared_bytes = _shared(work, target, build, path)
    return StepCycles(
        tensor=tensor,
        fp32=fp32,
        shared=shared,
        issue=_instructions(work, build, path) * work.num_warps / ISSUE_SLOTS_PER_CLK_PER_SM,
        copy=copy,
        shared_bytes=shared_bytes,
        fragments=_fragment_cycles(work) + FRAGMENT_WAIT_CYCLES if work.turned and path == "wgmma" else 0.0,
        pipelined=build is None or not _waits(build),
    )


def _waits(build: Build) -> bool:
    """Say whether the main loop reads tiles into registers and writes them to shared memory from there.

    So the compiler leaves a ``while`` loop, and tiles that the source itself reads a step ahead, whatever the stages.
    """
    stems = build.mix.loop
    return "LDG" in stems and "STS" in stems and not any(stem in stems for stem in ("LDGSTS", "UTMALDG", "UBLKCP"))


def _fragment_cycles(work: Work) -> float:
    """Return the cycles in which B's fragments are loaded into registers, once for each warp group along m."""
    read = work.block_n * work.block_k * work.compute_bytes * warp_grid(work, "wgmma")[0]
    return read / SHARED_BYTES_PER_CLK_PER_SM * FRAGMENT_CONFLICT_CYCLES


def transposing(operand: TiledOperand, work: Work, build: Build | None, path: str) -> bool:
    """Return whether an operand is turned round element by element on its way into shared memory.

    The 32-bit ``wgmma`` wants both operands contiguous along k; what lies otherwise crosses by 4-byte copies.
    """
    if path != "wgmma" or work.turned or work.compute_bytes < 4 or operand.contiguous_axis == "k":
        return False
    if build is None:
        return True
    copies = [name for name in build.mix.loop_modifiers if name.startswith("LDGSTS")]
    return any("128" not in name.split(".") and "64" not in name.split(".") for name in copies)


def _shared(work: Work, target: Target, build: Build | None, path: str) -> tuple[float, float, float]:
    """Return the cycles of shared memory (copies in, operand reads, spills), those of the copies alone, and bytes."""
    if not work.operands or not work.block_k or path == "none":
        return 0.0, 0.0, 0.0
    along_m, along_n = warp_grid(work, path)
    readers = {"m": along_n, "n": along_m}
    if path == "wgmma":
        readers["m" if work.turned else "n"] = max(1, instruction_sides(work)[0] // 64)
    cycles = copy = moved = 0.0
    for operand in work.operands:
        side = "m" if "m" in operand.axes else "n"
        extent = work.block_m if side == "m" else work.block_n
        tile = extent * work.block_k * work.compute_bytes
        read = tile * readers[side]
        moved += tile + read
        scalar = path == "mma_sync" and work.compute_bytes == 4 and operand.contiguous_axis != "k"
        per_wavefront = FRAGMENT_LOAD_CYCLES.get(target.compute_capability, 1.0) if scalar else 1.0
        if work.turned and path == "wgmma" and side == "n":
            per_wavefront = FRAGMENT_CONFLICT_CYCLES
        cycles += read / SHARED_BYTES_PER_CLK_PER_SM * per_wavefront
        if transposing(operand, work, build, path):
            copy += tile / 4 / target.warp_size * TRANSPOSED_COPY_CYCLES
        else:
            copy += tile / SHARED_BYTES_PER_CLK_PER_SM
    cycles += spill_moves(work, target, build, path) * work.num_warps
    return cycles + copy, copy, moved


def spill_moves(work: Work, target: Target, build: Build | None, path: str) -> float:
    """Return the spilled registers that one warp moves in one k step; guessed where there is no binary."""
    if build is not None:
        return sum(build.mix.loop.get(stem, 0) for stem in SPILL_OPCODES) / steps_per_iteration(work, build, path)
    if path not in ("mma_sync", "wgmma", "tcgen05"):
        return 0.0
    wanted = guess(target, work, path).wanted_registers
    return SPILL_MOVES * max(0.0, wanted - SQUEEZE * target.max_registers_per_thread)


def _products(work: Work, path: str) -> float:
    """Return the matrix instructions one warp issues in one k step."""
    depth = 8 if work.compute_bytes == 4 else 16
    along_m, along_n = warp_grid(work, path)
    if path == "wgmma":
        rows, columns = instruction_sides(work)
        along_rows, along_columns = (along_n, along_m) if work.turned else (along_m, along_n)
        return max(1.0, rows / 64 / along_rows) * max(1.0, columns / along_columns / 256) * work.block_k / depth
    if path == "mma_sync":
        return max(1.0, work.block_m / 16 / along_m) * max(1.0, work.block_n / 8 / along_n) * work.block_k / depth
    return work.block_k / depth


def steps_per_iteration(work: Work, build: Build, path: str) -> int:
    """Return how many k steps one pass of the binary's main loop makes, told by its matrix instructions.

    Of an untiled kernel nothing is known of its steps: its loop counts as one.
    """
    if not work.block_k:
        return 1
    found = build.mix.loop.get({"wgmma": "HGMMA", "mma_sync": "HMMA"}.get(path, ""), 0)
    return max(1, round(found / _products(work, path))) if found else 1


def _copies_issued(work: Work) -> float:
    """Return the copies that a thread issues in one k step: of 16 bytes, or of one element where a mask cuts across."""
    together = {"m" if "m" in one.axes else "n": 16 / one.element_bytes for one in work.operands if one.one_by_one}
    sides = {"m": work.block_m, "n": work.block_n}
    pieces = sum(length * together.get(side, 1.0) for side, length in sides.items())
    return copies_per_thread(work) * pieces / (work.block_m + work.block_n)


def _instructions(work: Work, build: Build | None, path: str) -> float:
    """Return the instructions that one warp issues in one k step.

    The binary tells them, unless its one loop is flattened over tiles: that holds the epilogue too, once a tile.
    """
    if not work.operands or not work.block_k:
        return 0.0
    if build is not None and build.mix.loop and not (work.persistent and work.descriptors):
        return sum(build.mix.loop.values()) / steps_per_iteration(work, build, path)
    threads = work.num_warps * 32
    copies = _copies_issued(work)
    if path != "mma_sync":
        products = _products(work, path) if path != "none" else work.block_m * work.block_n * work.block_k / threads
        return products + 3 * copies + 60
    along_m, along_n = warp_grid(work, path)
    fragments = (work.block_m / along_m + work.block_n / along_n) * work.block_k * work.compute_bytes / 128
    return _products(work, path) + 0.7 * fragments + 5 * copies + 60
