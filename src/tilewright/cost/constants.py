"""What the model had to be told by measurement, each number with where it comes from.

Nothing here is fitted to one kernel: ``benchmarks/cost_model.py`` prints how well the whole set predicts every row of
the data beside it, ``benchmarks/fit_cost_model.py`` how well it does on rows that are left out of the fit.
"""

from __future__ import annotations

L2_USABLE_FRACTION = 0.77
"""Share of the L2 that works like a cache with random replacement. From the hit rates that Nsight Compute read for
eight TF32 matrix products on an RTX 4090 (benchmarks/data/rtx4090_contractions.json)."""

MMA_SYNC_SHARE_OF_WGMMA = 0.50
"""What Triton's ``mma.sync`` loops reach of a Hopper tensor core's peak, which only ``wgmma`` feeds. Fitted to timed
schedules on an H200 (0.54 to 0.67 when a GPU and code path is left out); public H100 microbenchmarks say 0.62."""

TRANSPOSED_COPY_CYCLES = 19.0
"""Shared-memory cycles of one 4-byte asynchronous copy of a warp that also transposes. Lanes along the fast axis fall
on two of 32 banks, so 16 by counting; Nsight Compute counted 14 in one kernel; timed schedules on an H200 fit 19."""

SHARED_BYTES_PER_CLK_PER_SM = 128.0
"""32 banks of 4 bytes, every NVIDIA SM since cc 5.0 (CUDA programming guide)."""

FRAGMENT_LOAD_CYCLES = {(7, 5): 2.0, (8, 6): 2.0, (8, 9): 2.0, (12, 0): 2.0}
"""Cycles of one 32-lane, 4-byte load from shared memory where an SM has 16 load/store units instead of 32 (compute
capability to cycles; 1 elsewhere). ``ldmatrix`` keeps the full 128 bytes a clock."""

L1_BYTES_BESIDE_SHARED = 28 * 1024
"""Common memory of an SM that shared memory can never take: 128 - 100 KiB (cc 8.6, 8.9, 12.0), 192 - 164 (8.0), 256 -
228 (9.0, 10.0), by the CUDA programming guide."""

FRAGMENT_CONFLICT_CYCLES = 2.0
"""Cycles of one 32-lane, 4-byte load of a ``wgmma`` fragment that lies across its rows: pairs of lanes share a bank, by
counting, in the copy engine's swizzled tile."""

FRAGMENT_WAIT_CYCLES = 500.0
"""Of every step whose ``wgmma`` takes an operand from registers: the latency of its loads, and of the wait for all
products before. Fitted to TF32 products with B through registers on an H200, one program an SM (m x n x k of the tile,
8 warps, 4 stages): 4096 cubed took 476 us with 256x128x32 and 560 us with 128x256x32, 128 of 512x2048x1024 1,080 us
and 1,266 us. Where two programs share an SM they fill each other's gaps, and the L2 binds."""

ISSUE_SLOTS_PER_CLK_PER_SM = 4.0
"""One warp instruction a clock in each of four sub-cores (CUDA programming guide)."""

OVERLAP_AT_ONE_WARP = 0.31
OVERLAP_WARP_POWER = 0.21
"""With w warps a sub-core, the pipes that do not bind still cost ``min(1, OVERLAP_AT_ONE_WARP / w ** POWER)`` of their
time: a warp cannot quite overlap its own loads and products, and other warps fill the gaps only in part. Fitted to 327
rows of two GPUs (0.37 to 0.47, and 0.42 to 0.50, when a GPU and code path is left out: the two trade off)."""

LIMIT_POWER = 10.0
"""Two limits that are equally near (the busiest pipe or memory, and waiting) add to ``2 ** (1 / POWER)`` of one. Chosen
once, between the 6 and 12 that fits of it gave."""

LOADED_LATENCY_CYCLES = 530.0
"""What a tile waits beyond the unloaded latency: queues of a busy memory, the far half of the L2, the barriers round a
step. Fitted like the overlap (208 to 475 when a GPU and code path is left out)."""

PRODUCTS_AFTER_COPY = 0.47
"""Share of a step's products that the compiler leaves behind the next copy where there is one buffer: between 6 % and
56 % of the HMMAs of a loop's binary stand there, by chance of its scheduling."""

L2_BYTES_PER_CLK_PER_SM = 24.0
"""Where the catalog has no measured rate: between 15 (consumer Ada and Ampere) and 37 (A100, H100)."""
L2_LATENCY_CYCLES = 280.0
DRAM_LATENCY_CYCLES = 650.0
"""Where the catalog has no measured latency (RRZE gpu-benches: L2 206 to 280, DRAM 500 to 690)."""

DRAM_REACHABLE_FRACTION = 0.92
"""Of the vendor's bandwidth. Torch's own ReLU, Sigmoid and BatchNorm move 12.9 GB in 14.0 ms on an RTX 4090: 0.91."""

FLATTENED_EPILOGUE_FACTOR = 2.0
"""How much longer a demanding epilogue takes inside a flattened loop. With a bias and GELU on 4096x4096x4096 (NT, fp16,
128x256x64, H200): 228 us there and 211 us outside, where 193 us were seen without one; on 16384x768x2048: 120 us and
102 us."""

PROGRAM_OVERHEAD_CYCLES = 500.0
"""Of every round of programs: launch, prologue and epilogue, about one DRAM latency. The data cannot tell it closer."""

LAUNCH_OVERHEAD_US = 2.5
"""An empty kernel from start to end on the device."""

ESTIMATE_SPREAD = 1.35
"""Half-width of an estimate's interval, as a factor. Rows whose GPU and code path took no part in the fit are off by
1.12 in the median and 1.26 at the 90th percentile; widened because all of them are TF32 contractions."""

RATIO_SPREAD = 1.25
"""The same for the ratio of two schedules on one GPU and code path: nine in ten pairs of rows lie within it. Clocks,
the real memory rate and systematic errors of the model act on both alike and cancel."""
