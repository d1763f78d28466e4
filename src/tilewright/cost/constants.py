"""What the model had to be told by measurement, each number with where it comes from.

Nothing here is fitted to one kernel: ``benchmarks/cost_model.py`` prints how well the whole set predicts every row of
the data beside it, and what remains when each row is left out of the fit.
"""

from __future__ import annotations

L2_USABLE_FRACTION = 0.77
"""Share of the L2 that works like a cache with random replacement. From the hit rates that Nsight Compute read for
eight TF32 matrix products on an RTX 4090 (benchmarks/data/rtx4090_contractions.json)."""

MMA_SYNC_SHARE_OF_WGMMA = 0.62
"""What ``mma.sync`` reaches of a Hopper tensor core's peak, which only ``wgmma`` feeds. Public microbenchmarks of the
H100 agree (about 62 %); the best of the sm_89 rows of the H200 sweep reaches 42 % with its other costs included."""

TRANSPOSED_COPY_WAVEFRONTS = 14.0
"""Shared-memory wavefronts of one 4-byte asynchronous copy (a warp's 128 bytes) that also transposes. Measured on an
H200: 434.7 million conflicts over 33.5 million such copies, so 13 + 1."""

SHARED_BYTES_PER_CLK_PER_SM = 128.0
"""32 banks of 4 bytes, every NVIDIA SM since cc 5.0 (CUDA programming guide)."""

FRAGMENT_LOAD_CYCLES = {(7, 5): 2.0, (8, 6): 2.0, (8, 9): 2.0, (12, 0): 2.0}
"""Cycles of one 32-lane, 4-byte load from shared memory where an SM has 16 load/store units instead of 32 (compute
capability to cycles; 1 elsewhere). ``ldmatrix`` keeps the full 128 bytes a clock."""

ISSUE_SLOTS_PER_CLK_PER_SM = 4.0
"""One warp instruction a clock in each of four sub-cores (CUDA programming guide)."""

OVERLAP_AT_ONE_WARP = 0.80
OVERLAP_WARP_POWER = 0.70
"""With w warps a sub-core, the pipes that do not bind still cost ``min(1, OVERLAP_AT_ONE_WARP / w ** POWER)`` of their
time: one warp alone can hardly overlap its own loads and products."""

L2_BYTES_PER_CLK_PER_SM = 24.0
"""Where the catalog has no measured rate: between 15 (consumer Ada and Ampere) and 37 (A100, H100)."""
L2_LATENCY_CYCLES = 280.0
DRAM_LATENCY_CYCLES = 650.0
"""Where the catalog has no measured latency (RRZE gpu-benches: L2 206 to 280, DRAM 500 to 690)."""

DRAM_REACHABLE_FRACTION = 0.92
"""Of the vendor's bandwidth: copies on RTX 4090 and H200 reach 0.90 to 0.96 of it in Nsight Compute's metric."""

PROGRAM_OVERHEAD_CYCLES = 1500.0
"""Launch of a program, filling of its pipeline beyond one memory latency, and its epilogue's address arithmetic."""

LAUNCH_OVERHEAD_US = 2.5
"""An empty kernel from start to end on the device."""

ESTIMATE_SPREAD = 1.5
RATIO_SPREAD = 1.2
"""Half-widths, as factors, that hold 90 % of the rows of the data: of one time, and of the ratio of two schedules of one
kernel, in which clocks and systematic errors cancel."""
