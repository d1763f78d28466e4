"""How a kernel computes: the fields that stages may edit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """One way to run an Algorithm. Each field belongs to exactly one Stage (see ``tilewright.stages``)."""

    # grid_and_parallel
    program_order: str = "grid_2d"
    """``grid_2d`` (axis 0 walks m, axis 1 walks n), ``grid_2d_swapped``, ``row_major`` and ``column_major`` (flattened
    to one axis), ``grouped`` (flattened, groups of GROUP_M tile rows), or ``custom``: an input's own order that
    covers every tile once and is none of these; no candidate is emitted with it."""
    group_m: int = 1
    split_k: int = 1
    persistent: bool = False
    """A fixed number of programs, each walking many tiles."""
    # block_tiling; 0 where no tile is known, since the kernel was not lifted
    block_m: int = 64
    block_n: int = 64
    block_k: int = 64
    # memory_access
    pointers: str = "recomputed"
    """``recomputed`` in every step of the loop, or ``advanced`` by a constant."""
    masks: str = "general"
    """``general`` (m, n and k masked), ``wrapped`` (m and n wrapped round, only k masked) or ``even_k``."""
    # advanced_memory
    a_layout: str = "as_is"
    """``as_is``: read through pointers by the strides of the call; ``k_major``: K is contiguous and rows lie on 16-byte
    boundaries, in the tensor itself where it lies so, else in a copy made first; ``m_major``: M is, likewise."""
    b_layout: str = "as_is"
    """``as_is``, ``k_major`` or ``n_major``; ``registers``: along n, and from shared memory into the registers that
    Hopper's 32-bit ``wgmma`` takes its first operand from, which is B^T then: the product is turned round."""
    descriptors: bool = False
    """Both operands are loaded through tensor descriptors that the wrapper makes. ``pointers`` then means nothing, and
    no load needs a mask."""
    # launch: owned by the stage whose rules let it tune warps and stages
    num_warps: int = 4
    num_stages: int = 3
    # arithmetic
    input_precision: str = "tf32"
    operand_dtype: str = ""
    """Dtype that operands are multiplied in: their own where it is empty. ``fp16`` narrows float32 operands by a copy
    of each, scaled by a power of two; a second launch computes tiles again, in the input's own arithmetic, that an
    element goes into which does not keep TF32's 10 bits. advanced_memory owns it, where the precision policy leaves it
    open."""
