"""How well the cost model predicts kernels that were timed: run it after any change to ``tilewright.cost``.

    python benchmarks/cost_model.py [-v]

For each set of rows it prints (with -v after every row's predicted and measured time) the median and 90th percentile
of the absolute log error of the times, that of the ratios of all pairs, Kendall's tau of the ranking over pairs that
the timer can tell apart, and the regret: how much slower than the best the model's first choice, the best of its
first three, and the best tile of its autotune list were. All of it twice: from the binaries, and from schedules alone.
"""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from itertools import combinations
from math import exp, log
from pathlib import Path
from statistics import median
from typing import Any

from tilewright.cost import estimate, guess
from tilewright.cost.guess import matrix_path
from tilewright.records.build import Build, InstructionMix
from tilewright.records.estimate import Estimate
from tilewright.records.target import Target
from tilewright.records.work import TiledOperand, TileGrid, Work

DATA = Path(__file__).parent / "data"


def target_of(fields: dict[str, Any]) -> Target:
    """Return the Target that a data file carries."""
    return Target(**{**fields, "compute_capability": tuple(fields["compute_capability"])})


def work_of(row: dict[str, Any]) -> Work:
    """Return the Work of one timed float32 contraction computed in TF32."""
    num_m, num_n = -(-row["m"] // row["block_m"]), -(-row["n"] // row["block_n"])
    tile = {"m": row["block_m"] * row["block_k"] * 4, "n": row["block_n"] * row["block_k"] * 4}
    padded = 2.0 * num_m * row["block_m"] * num_n * row["block_n"] * row["k"]
    operands = tuple(
        TiledOperand(
            name=name,
            axes=(side,),
            tile_bytes=tile[side],
            total_bytes=4.0 * row[side] * row["k"],
            element_bytes=4,
            contiguous_axis=row[f"{name}_contiguous"],
        )
        for name, side in (("a", "m"), ("b", "n"))
    )
    output = 4.0 * row["m"] * row["n"]
    return Work(
        kernel="matmul",
        programs=num_m * num_n,
        num_warps=row["num_warps"],
        num_stages=row["num_stages"],
        flops={"tensor_tf32": padded},
        minimum_dram_bytes=output + sum(operand.total_bytes for operand in operands),
        written_bytes=output,
        block_m=row["block_m"],
        block_n=row["block_n"],
        block_k=row["block_k"],
        k_steps=-(-row["k"] // row["block_k"]),
        tiles=TileGrid(num_m=num_m, num_n=num_n, program_order=row["program_order"], group_m=row["group_m"]),
        operands=operands,
        persistent=row.get("persistent", False),
    )


def path_of(row: dict[str, Any], target: Target) -> Build:
    """Return a Build that tells no more than the matrix path, with guessed registers and shared memory.

    That is what a search knows of a schedule before it builds it. The path has to be told, as the rows of one chip
    were measured on two.
    """
    native = matrix_path(target, work_of(row)) == "wgmma" and row["code"] == "sm_90"
    path, stem = ("wgmma", "HGMMA") if native else ("mma_sync", "HMMA")
    resources = guess(target, work_of(row), path)
    return Build(
        kernel="matmul",
        compute_capability=target.compute_capability,
        num_warps=row["num_warps"],
        num_stages=row["num_stages"],
        registers_per_thread=resources.registers_per_thread,
        spill_bytes=0,
        shared_bytes=resources.shared_bytes,
        mix=InstructionMix(loop={}, outside={stem: 1}, loop_modifiers={"LDGSTS.E": 1} if path == "wgmma" else {}),
        triton_version="",
        ptxas_version="",
        content_hash="",
    )


def build_of(row: dict[str, Any]) -> Build | None:
    """Return the Build of a row, where its binary is known."""
    if "loop" not in row:
        return None
    return Build(
        kernel="matmul",
        compute_capability=(9, 0) if row["code"] == "sm_90" else (8, 9),
        num_warps=row["num_warps"],
        num_stages=row["num_stages"],
        registers_per_thread=row["registers"],
        spill_bytes=row["spill_bytes"],
        shared_bytes=row["shared_bytes"],
        mix=InstructionMix(loop=row["loop"], outside={}, loop_modifiers=row["loop_modifiers"]),
        triton_version="3.6.0",
        ptxas_version="",
        content_hash="",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Accuracy:
    """What is left between prediction and measurement over one set of rows."""

    rows: int
    median_log_error: float
    p90_log_error: float
    median_ratio_error: float
    p90_ratio_error: float
    tau: float
    first_regret: float
    third_regret: float


def quantile(values: list[float], share: float) -> float:
    """Return the value that ``share`` of the values do not exceed."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))]


def accuracy(pairs: list[tuple[float, float]], noise: float = 1.0) -> Accuracy:
    """Compare (predicted, measured) times; pairs no further apart than the timer's ``noise`` have no order."""
    errors = [abs(log(predicted / measured)) for predicted, measured in pairs]
    both = list(combinations(pairs, 2))
    ratios = [abs(log(a[0] / b[0]) - log(a[1] / b[1])) for a, b in both]
    signs = [(a[0] - b[0]) * (a[1] - b[1]) for a, b in both if abs(log(a[1] / b[1])) > log(noise)]
    ranked = sorted(pairs)
    best = min(measured for _, measured in pairs)
    return Accuracy(
        rows=len(pairs),
        median_log_error=median(errors),
        p90_log_error=quantile(errors, 0.9),
        median_ratio_error=median(ratios),
        p90_ratio_error=quantile(ratios, 0.9),
        tau=(sum(sign > 0 for sign in signs) - sum(sign < 0 for sign in signs)) / len(signs),
        first_regret=ranked[0][1] / best - 1,
        third_regret=min(measured for _, measured in ranked[:3]) / best - 1,
    )


def predict(row: dict[str, Any], target: Target) -> Estimate:
    """Return the Estimate of one row, from its binary where there is one."""
    return estimate(work_of(row), target, build_of(row) or path_of(row, target))


def draw_row(row: dict[str, Any], predicted: Estimate) -> str:
    """Return one line for one row."""
    tile = f"{row['block_m']}x{row['block_n']}x{row['block_k']}"
    hit = (
        f" L2 hit {100 * predicted.traffic.l2_hit_fraction:.1f} % (measured {row['l2_hit_pct']})"
        if "l2_hit_pct" in row
        else ""
    )
    return (
        f"  {row['code']:10s}{tile:12s} {row['num_warps']} warps {row['num_stages']} stages"
        f"  predicted {predicted.time_us:7.0f} us  measured {row['time_us']:7.0f} us"
        f"  x{predicted.time_us / row['time_us']:.2f}  binds {predicted.binds}{hit}"
    )


def draw_accuracy(found: Accuracy) -> str:
    """Return what the rows of one GPU and code path come to."""
    times = f"x{exp(found.median_log_error):.2f} in the median, x{exp(found.p90_log_error):.2f} at the 90th percentile"
    ratios = f"x{exp(found.median_ratio_error):.2f} and x{exp(found.p90_ratio_error):.2f}"
    return (
        f"  {found.rows} rows: time off by {times}; ratios of all pairs by {ratios}; Kendall tau {found.tau:.2f};"
        f" slower than the best by {found.first_regret:.1%} (first choice), {found.third_regret:.1%} (best of three)\n"
    )


def list_regret(timed: list[tuple[float, dict[str, Any]]], length: int) -> float:
    """Return how much slower than the best row the best tile of a predicted autotune list is.

    The entries of such a list share warps and stages: the pair whose best tile is predicted fastest, with its
    ``length`` best tiles. ``timed`` holds predicted times and rows.
    """
    by_launch: dict[tuple[int, int], dict[tuple[int, int, int], tuple[float, float]]] = {}
    for predicted, row in sorted(timed, key=lambda pair: pair[0]):
        tiles = by_launch.setdefault((row["num_warps"], row["num_stages"]), {})
        tile = (row["block_m"], row["block_n"], row["block_k"])
        tiles[tile] = min(tiles.get(tile, (predicted, row["time_us"])), (predicted, row["time_us"]))
    chosen = min(by_launch.values(), key=lambda tiles: min(tiles.values()))
    entries = sorted(chosen.values())[:length]
    return min(measured for _, measured in entries) / min(row["time_us"] for _, row in timed) - 1


def draw_group(title: str, rows: list[dict[str, Any]], estimates: list[Estimate], noise: float) -> str:
    """Return the accuracy of one group of rows, as one line or two."""
    pairs = [(one.time_us, row["time_us"]) for one, row in zip(estimates, rows, strict=True)]
    timed = [(one.time_us, row) for one, row in zip(estimates, rows, strict=True)]
    regrets = ", ".join(f"{list_regret(timed, length):.1%} of {length}" for length in (1, 4, 6))
    found = draw_accuracy(accuracy(pairs, noise))
    return f"  {title}:\n{found}    best of a list of tiles that share warps and stages: {regrets}\n"


def main() -> None:
    """Print the accuracy of every data file, row by row (``-v``) and in total."""
    for path in sorted(DATA.glob("*_contractions.json")):
        content = json.loads(path.read_text(encoding="utf-8"))
        target, noise = target_of(content["target"]), content["timer_noise"]
        for code in sorted({row["code"] for row in content["rows"]}):
            rows = [row for row in content["rows"] if row["code"] == code]
            print(f"{target.title}, {code} code, {path.name}:")
            estimates = [predict(row, target) for row in rows]
            if "-v" in sys.argv[1:]:
                print("\n".join(draw_row(row, one) for row, one in zip(rows, estimates, strict=True)))
            print(draw_group("by binary, where there is one", rows, estimates, noise))
            guesses = [estimate(work_of(row), target, path_of(row, target)) for row in rows]
            print(draw_group("by schedule alone", rows, guesses, noise))


if __name__ == "__main__":
    main()
