"""Time kernel files against each other on the GPU in this machine: interleaved, medians with intervals.

    PYTHONPATH=src python benchmarks/compare_files.py --inputs "A=f32[8192,2048] B=f32[4096,8192]" input.py output.py

Needs torch and triton only, and of Tilewright its sources. Every round runs each file once, in random order, with a
cold L2; times are device times by events. ``--arch 89`` compiles for that older architecture and hands the PTX to the
driver, which tests the code path of another chip on this one: relative speeds of that path, not the speed of that chip.
The first file is the baseline of the ratios. Autotuning is finished before anything is timed.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import random
import re
import statistics
import subprocess
import sys
import time
from pathlib import Path

DTYPES = {"f32": "float32", "f16": "float16", "bf16": "bfloat16"}


def load_model(path: Path, seed: int):
    """Import a kernel file and return its ModelNew on the GPU; equal seeds give equal parameters."""
    import torch

    torch.manual_seed(seed)
    spec = importlib.util.spec_from_file_location(f"file_{path.stem}_{abs(hash(path))}", path)
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module.ModelNew().cuda()


def make_inputs(spec: str):
    """Uniform [0, 1) tensors for ``A=f32[2,3] B=…``."""
    import torch

    tensors = []
    for name, dtype, shape in re.findall(r"(\w+)=(\w+)\[([\d,]*)\]", spec):
        sizes = [int(size) for size in shape.split(",") if size]
        if dtype not in DTYPES:
            raise SystemExit(f"{name}: dtype {dtype} is not one of {', '.join(DTYPES)}")
        tensors.append(torch.rand(sizes, device="cuda").to(getattr(torch, DTYPES[dtype])))
    return tensors


def bootstrap(ratios: list[float], rng: random.Random, draws: int = 2000) -> tuple[float, float]:
    """95 % interval of the median by resampling."""
    medians = sorted(statistics.median(rng.choices(ratios, k=len(ratios))) for _ in range(draws))
    return medians[int(0.025 * draws)], medians[int(0.975 * draws)]


def timed_rounds(models, inputs, rounds: int, rng: random.Random) -> list[list[float]]:
    """Device time in us of every model, round by round, with the L2 flushed before each."""
    import torch

    # Long enough that the host is ahead when the clock starts: its own time must not be taken for the device's.
    flush = torch.empty(2**30, dtype=torch.int8, device="cuda")
    times: list[list[float]] = [[] for _ in models]
    for _ in range(rounds):
        order = list(range(len(models)))
        rng.shuffle(order)
        for index in order:
            start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
            flush.zero_()
            start.record()
            models[index](*inputs)
            end.record()
            torch.cuda.synchronize()
            times[index].append(start.elapsed_time(end) * 1000)
    return times


def chosen_configurations(model) -> list[str]:
    """What the autotuners of the model's module settled on."""
    module = sys.modules.get(type(model).__module__)
    names = vars(module).values() if module else ()
    return [str(value.best_config) for value in names if hasattr(value, "best_config")]


def main() -> None:
    """Run one comparison and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--inputs", required=True)
    parser.add_argument("--arch", type=int)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    options = parser.parse_args()
    os.environ.setdefault("TRITON_DEFAULT_FP_FUSION", "1")
    import torch
    import triton

    if options.arch:
        # the proof's own, which imports triton: not before the environment above says how it is to compile
        from tilewright.prove.cuda.architecture import use_architecture

        use_architecture(options.arch)
    rng = random.Random(options.seed)
    torch.manual_seed(options.seed)
    inputs = make_inputs(options.inputs)
    started = time.perf_counter()
    files, models, outputs, failed = [], [], [], []
    for path in options.files:
        try:
            model = load_model(path, options.seed)
            output = model(*inputs).double()
            torch.cuda.synchronize()
        except Exception as error:  # a file that does not run is a row of its own, not the end of the comparison
            failed.append({"file": str(path), "error": f"{type(error).__name__}: {error}"})
            continue
        files.append(path)
        models.append(model)
        outputs.append(output)
    if not files or files[0] != options.files[0]:
        raise SystemExit(f"the baseline does not run: {failed[0]['error']}")
    for model in models:
        for _ in range(5):
            model(*inputs)
    times = timed_rounds(models, inputs, options.rounds, rng)
    rows = []
    for index, path in enumerate(files):
        ratios = [base / own for base, own in zip(times[0], times[index], strict=True)]
        low, high = bootstrap(ratios, rng)
        rows.append(
            {
                "file": str(path),
                "median_us": statistics.median(times[index]),
                "speedup_median": statistics.median(ratios),
                "speedup_low": low,
                "speedup_high": high,
                "difference_from_first": ((outputs[index] - outputs[0]).norm() / outputs[0].norm()).item(),
                "configurations": chosen_configurations(models[index]),
            }
        )
    clocks = subprocess.run(
        ["nvidia-smi", "--query-gpu=name,driver_version,clocks.sm,clocks.mem,power.draw", "--format=csv,noheader"],
        capture_output=True,
        text=True,
        check=False,
    ).stdout.strip()
    print(
        json.dumps(
            {
                "gpu": clocks,
                "torch": torch.__version__,
                "triton": triton.__version__,
                "architecture": options.arch or "native",
                "inputs": options.inputs,
                "rounds": options.rounds,
                "setup_s": round(time.perf_counter() - started, 1),
                "provenance": "measured",
                "rows": rows,
                "failed": failed,
            },
            indent=1,
        )
    )


if __name__ == "__main__":
    main()
