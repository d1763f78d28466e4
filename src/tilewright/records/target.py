"""The GPU that code is built and estimated for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """One GPU, as its TOML file in the catalog (or a prompt document) describes it.

    Rates are the vendor's dense peaks at boost clock; ``None`` says that the chip has no such unit.
    """

    name: str
    """Short catalog name, for instance ``rtx4090``."""
    title: str
    """The name the driver reports, for instance ``NVIDIA GeForce RTX 4090``."""
    architecture: str
    compute_capability: tuple[int, int]
    sm_count: int
    boost_clock_mhz: float
    dram_gb_per_s: float
    dram_bytes: int
    fp32_tflops: float
    tf32_tflops: float | None
    fp16_tflops: float | None
    """Dense tensor-core rate with float32 accumulation, where the vendor states it."""
    bf16_tflops: float | None
    warp_size: int
    max_registers_per_thread: int
    registers_per_sm: int
    register_allocation_unit: int
    """Registers are given to a warp in multiples of this."""
    max_threads_per_block: int
    max_threads_per_sm: int
    max_warps_per_sm: int
    max_blocks_per_sm: int
    shared_bytes_per_sm: int
    shared_bytes_per_block: int
    """The most one program may ask for (opt-in maximum)."""
    shared_reserved_bytes_per_block: int
    """What the driver takes of shared memory for itself, per resident program."""
    shared_allocation_unit_bytes: int
    l2_bytes: int
    l2_bytes_per_clk_per_sm: float | None
    l2_latency_cycles: float | None
    dram_latency_cycles: float | None
    sources: Mapping[str, str]
    """Where each field's number comes from: field name to document or measurement."""
