"""What one launch does to the machine, free of how its source is written.

A family derives a Work from an Algorithm, a Schedule and a launch's values; the cost model reads nothing else
(besides the Target and, where there is one, the Build). A kernel without tile structure (row-wise, pointwise,
opaque) leaves ``tiles`` at ``None`` and ``operands`` empty: bytes and flops are then all that is known of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

FLOP_UNITS = ("tensor_tf32", "tensor_fp16", "tensor_bf16", "fp32")
"""The units that ``Work.flops`` counts by; ``tf32x3`` counts three times its flops under ``tensor_tf32``."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TileGrid:
    """The output tiles of one launch and the order in which programs are given to them.

    Programs start in the order of their linear index (axis 0 fastest), each taking the next free slot of an SM.
    """

    num_m: int
    num_n: int
    batch: int = 1
    """Independent problems, the slowest coordinate."""
    split_k: int = 1
    """Programs that share one output tile, each walking its own part of k; slower than the tiles, faster than batch."""
    program_order: str = "grid_2d"
    """As ``Schedule.program_order``: which of m and n the linear index walks first, and whether in groups."""
    group_m: int = 1
    """Tile rows of one group, for ``grouped`` only."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TiledOperand:
    """One input tensor of a contraction, as the tiles that a program reads of it, one in each step of k."""

    name: str
    axes: tuple[str, ...]
    """Tile coordinates that choose the strip a program reads, of ``m``, ``n``, ``batch``; ``k`` (and with it the
    split) is always walked. A: ``("m", "batch")``; B: ``("n", "batch")``; leave ``batch`` out where all share it."""
    tile_bytes: float
    """Bytes of one tile, as stored in memory."""
    total_bytes: float
    """Bytes of the whole operand, counted once."""
    element_bytes: int
    """Bytes of one element in memory."""
    contiguous_axis: str = "k"
    """The axis along which neighbouring elements are neighbours in memory: ``k``, ``m`` or ``n``; "" if none is."""
    one_by_one: bool = False
    """Its elements are loaded one by one all the same: a mask along a diagonal cuts across neighbours."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Work:
    """One launch: its programs, the flops of each unit, and the bytes that it moves."""

    kernel: str
    programs: int
    """All programs of the grid; for a persistent kernel, those that run at once times the rounds each makes."""
    num_warps: int
    num_stages: int
    flops: Mapping[str, float]
    """Unit (see FLOP_UNITS) to floating-point operations of the whole launch, padding of ragged tiles included."""
    minimum_dram_bytes: float
    """Every input read once and every output written once."""
    read_bytes: float = 0.0
    """Bytes that loads outside the k loop ask for, whole launch: all loads of an untiled kernel, or an epilogue's."""
    written_bytes: float = 0.0
    """Bytes stored, whole launch; partial sums of split k included."""
    block_m: int = 0
    block_n: int = 0
    block_k: int = 0
    """Tile of one program; 0 where there is no such axis."""
    compute_bytes: int = 4
    """Bytes of one operand element as it lies in shared memory and enters the arithmetic unit."""
    stored_bytes: int = 4
    """Bytes of one element of the widest output."""
    epilogue_parts: int = 1
    """Parts of a tile, along n, that are finished and stored one after the other."""
    epilogue_values: float = 0.0
    """Values beside its sum that a demanding epilogue holds for each sum of a part, at once; 0 for any other."""
    epilogue_instructions: float = 0.0
    """Instructions of a demanding epilogue for each sum; 0 for any other."""
    k_steps: int = 1
    """Steps of the main loop of one program; rounded from the mean where programs differ."""
    most_k_steps: int = 0
    """Steps of the longest program, where programs differ; 0 where they are all alike."""
    tiles: TileGrid | None = None
    operands: tuple[TiledOperand, ...] = field(default_factory=tuple)
    persistent: bool = False
    descriptors: bool = False
    """The copy engine brings the operands' tiles, not the program's own threads."""
    turned: bool = False
    """The tensor cores multiply B^T, out of registers, by A^T: block_n are their rows, block_m their columns."""
    copies: int = 0
    """Launches before this one that copy an operand into the layout it is read in."""
    copied_bytes: float = 0.0
    """Bytes that those read and write."""
    small_launches: int = 0
    """Further launches around this one that move next to nothing."""
