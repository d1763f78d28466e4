"""What the tests of capture share."""

from __future__ import annotations

from pathlib import Path

from tilewright.capture import capture
from tilewright.records.launch import Capture, TensorArgument
from tilewright.records.source import KernelSource, TensorSpec
from tilewright.records.target import Target
from tilewright.workers import Worker

DATA = Path(__file__).parent.parent / "data"
TARGET = Target(
    name="rtx4090",
    title="NVIDIA GeForce RTX 4090",
    architecture="Ada Lovelace",
    compute_capability=(8, 9),
    sm_count=128,
    boost_clock_mhz=2520,
    dram_gb_per_s=1008,
    dram_bytes=24 << 30,
    fp32_tflops=82.6,
    tf32_tflops=82.6,
    fp16_tflops=165.2,
    bf16_tflops=165.2,
    warp_size=32,
    max_registers_per_thread=255,
    registers_per_sm=65536,
    register_allocation_unit=256,
    max_threads_per_block=1024,
    max_threads_per_sm=1536,
    max_warps_per_sm=48,
    max_blocks_per_sm=24,
    shared_bytes_per_sm=100 << 10,
    shared_bytes_per_block=99 << 10,
    shared_reserved_bytes_per_block=1024,
    shared_allocation_unit_bytes=128,
    l2_bytes=72 << 20,
    l2_bytes_per_clk_per_sm=None,
    l2_latency_cycles=None,
    dram_latency_cycles=None,
    sources={},
)
LONG_S = 300.0
HEAD = "import torch\nimport torch.nn as nn\nimport triton\nimport triton.language as tl\n\n"


def source(name: str) -> KernelSource:
    path = DATA / "seed_kernel.py" if name == "seed" else DATA / "capture" / f"{name}.py"
    return KernelSource(path=f"{name}.py", text=path.read_text(encoding="utf-8"), kernels=())


def text_source(text: str, first_line: int = 1) -> KernelSource:
    return KernelSource(path="given.py", text=HEAD + text, kernels=(), first_line=first_line)


def f32(name: str, *shape: int) -> TensorSpec:
    return TensorSpec(name=name, dtype="f32", shape=shape)


def run(what: KernelSource, worker: Worker, *inputs: TensorSpec, **options: object) -> Capture:
    return capture(what, target=TARGET, worker=worker, inputs=inputs, timeout_s=LONG_S, **options)  # type: ignore[arg-type]


def values(launch_arguments: object) -> dict[str, object]:
    return {each.parameter: each.value for each in launch_arguments if not isinstance(each, TensorArgument)}  # type: ignore[attr-defined]
