"""Targets and works that the cost tests share, from the benchmark's own data."""

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path

from tilewright.records.target import Target
from tilewright.records.work import Work

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
_SPEC = importlib.util.spec_from_file_location("cost_model_benchmark", BENCHMARKS / "cost_model.py")
assert _SPEC is not None
assert _SPEC.loader is not None
BENCHMARK = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = BENCHMARK
_SPEC.loader.exec_module(BENCHMARK)


def load(name: str) -> dict:
    return json.loads((BENCHMARKS / "data" / f"{name}_contractions.json").read_text(encoding="utf-8"))


ADA: Target = BENCHMARK.target_of(load("rtx4090")["target"])
HOPPER: Target = BENCHMARK.target_of(load("h200")["target"])


def contraction(
    *, m=2048, n=4096, k=8192, tile=(64, 64, 64), warps=4, stages=3, order="grid_2d", group_m=1, contiguous="mk"
) -> Work:
    return BENCHMARK.work_of(
        {
            "m": m,
            "n": n,
            "k": k,
            "block_m": tile[0],
            "block_n": tile[1],
            "block_k": tile[2],
            "num_warps": warps,
            "num_stages": stages,
            "program_order": order,
            "group_m": group_m,
            "a_contiguous": contiguous[0],
            "b_contiguous": contiguous[1],
        }
    )


def in_half_precision(work: Work) -> Work:
    return replace(
        work,
        flops={"tensor_fp16": work.flops["tensor_tf32"]},
        compute_bytes=2,
        stored_bytes=2,
        minimum_dram_bytes=work.minimum_dram_bytes / 2,
        written_bytes=work.written_bytes / 2,
        operands=tuple(
            replace(operand, tile_bytes=operand.tile_bytes / 2, total_bytes=operand.total_bytes / 2, element_bytes=2)
            for operand in work.operands
        ),
    )


def pointwise(*, bytes_read: float, bytes_written: float, flops: float = 0.0, programs: int = 4096) -> Work:
    return Work(
        kernel="pointwise",
        programs=programs,
        num_warps=4,
        num_stages=3,
        flops={"fp32": flops},
        minimum_dram_bytes=bytes_read + bytes_written,
        read_bytes=bytes_read,
        written_bytes=bytes_written,
    )
