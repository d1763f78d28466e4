"""Whether timing can be trusted: a file against itself, and against a copy slowed by 3 %, while the host is busy.

    python benchmarks/bench_trust.py --json benchmarks/results/bench_trust_h200.json

Asks for SAME from every repeat of the file against itself, and for SLOWER from 19 of 20 against the slowed copy; leaves
with 1 where it gets less. All repeats run in one warm session, or with --fresh in a process each. The copy does what
the file does and then keeps one SM busy for 3 % of the file's time, which is measured beforehand in a process of its
own, by plain events, with nothing of the code that is tried here. Meanwhile as many processes as there are processors
do nothing but count.
"""

from __future__ import annotations

import argparse
import json
import multiprocessing
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import tilewright
from tilewright import source
from tilewright.records.timing import Comparison, Decision
from tilewright.report.bench_info import comparison_line
from tilewright.report.measured_form import comparison_form

ROOT = Path(__file__).parent.parent
INPUTS = "A=f32[8192,2048] B=f32[4096,8192]"
SLOWED_BY = 0.03
"""Part of the file's time."""
NEEDED = 0.95
"""Part of the repeats that must see the slowed copy."""

CALIBRATE = """
import importlib.util, json, re, statistics, sys
import torch

path, inputs, part = sys.argv[1], sys.argv[2], float(sys.argv[3])
kinds = {"f32": torch.float32, "f16": torch.float16, "bf16": torch.bfloat16}
tensors = []
for kind, shape in re.findall(r"=(\\w+)\\[([\\d,]*)\\]", inputs):
    sizes = [int(size) for size in shape.split(",") if size]
    tensors.append(torch.rand(sizes, device="cuda").to(kinds[kind]))
spec = importlib.util.spec_from_file_location("calibrated", path)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
model = module.ModelNew().cuda()
flush = torch.empty(1 << 30, dtype=torch.int8, device="cuda")


def once_us(call):
    start, end = torch.cuda.Event(enable_timing=True), torch.cuda.Event(enable_timing=True)
    flush.zero_()
    start.record()
    call()
    end.record()
    torch.cuda.synchronize()
    return start.elapsed_time(end) * 1e3


def base():
    model(*tensors)


def slowed():
    model(*tensors)
    torch.cuda._sleep(cycles)


with torch.no_grad():
    for _ in range(20):
        base()
    torch.cuda.synchronize()
    base_us = statistics.median(once_us(base) for _ in range(40))
    # from a guess at the clock to what the file's own clock makes of it
    cycles = int(part * base_us * 1_900)
    for _ in range(4):
        pairs = [(once_us(base), once_us(slowed)) for _ in range(60)]
        base_us, slowed_us = (statistics.median(side) for side in zip(*pairs))
        measured = statistics.median(after / before for before, after in pairs) - 1
        used, cycles = cycles, int(cycles * part / max(measured, part / 4))
told = {"base_us": base_us, "slowed_us": slowed_us, "slowed_by_fraction": measured, "cycles": used}
print(json.dumps(told))
"""
SLOWED = """

_forward = ModelNew.forward


def _slowed_forward(self, *inputs):
    outputs = _forward(self, *inputs)
    torch.cuda._sleep({cycles})
    return outputs


ModelNew.forward = _slowed_forward
"""
"""A subclass in the place of ``ModelNew`` would send a file's ``super(ModelNew, self)`` round in circles."""


def burn() -> None:
    """Keep a processor busy."""
    count = 0
    while True:
        count += 1


def calibrate(path: Path, inputs: str) -> dict[str, Any]:
    """Time the file by plain events, and find how long the copy must keep an SM busy."""
    command = [sys.executable, "-c", CALIBRATE, str(path), inputs, str(SLOWED_BY)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(f"the calibration failed: {done.stderr[-2000:]}")
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def row(found: Comparison) -> dict[str, Any]:
    """What is kept of a repeat."""
    form = comparison_form(found)
    keys = ("decision", "ratio", "warm_ratio", "noise_floor_fraction", "pairs", "conditions", "notes", "elapsed_s")
    return {key: form[key] for key in keys} | {
        "baseline_cold_us": form["baseline"]["cold_us"],  # type: ignore[index]
        "candidate_cold_us": form["candidate"]["cold_us"],  # type: ignore[index]
    }


def repeat(
    given: argparse.Namespace, session: tilewright.Bencher, first: Path, second: Path
) -> tuple[list[dict[str, Any]], Comparison]:
    """Time two files again and again."""
    rows, found = [], None
    for number in range(given.repeats):
        if given.fresh:
            found = tilewright.bench(
                str(first), str(second), inputs=given.inputs, seconds=given.seconds, allow_unsandboxed=True
            )
        else:
            found = session.bench(str(first), str(second), inputs=given.inputs, seconds=given.seconds)
        rows.append(row(found))
        line = f"{second.stem} {number + 1:2d}: {comparison_line(found)}, {found.pairs} pairs, {found.elapsed_s:.1f} s"
        print(line, flush=True)
    assert found is not None
    return rows, found


def main() -> int:
    """Repeat, print and write."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--file", default=str(ROOT / "examples/seed/prompt.txt"), help="kernel file or prompt document")
    parser.add_argument("--inputs", default=INPUTS)
    parser.add_argument("--repeats", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=6.0, help="for each repeat, at most")
    parser.add_argument("--burners", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--fresh", action="store_true", help="a new process for each repeat")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    began = time.monotonic()
    text = source.read_request(given.file).source.text
    with tempfile.TemporaryDirectory() as folder:
        first, second = Path(folder) / "itself.py", Path(folder) / "slowed.py"
        first.write_text(text, encoding="utf-8")
        calibration = calibrate(first, given.inputs)
        second.write_text(text.rstrip() + "\n" + SLOWED.format(cycles=calibration["cycles"]), encoding="utf-8")
        burners = [multiprocessing.Process(target=burn, daemon=True) for _ in range(given.burners)]
        for burner in burners:
            burner.start()
        try:
            with tilewright.Bencher(allow_unsandboxed=True) as session:
                same, last = repeat(given, session, first, first)
                slower, _ = repeat(given, session, first, second)
        finally:
            for burner in burners:
                burner.terminate()
    said_same = sum(each["decision"] == Decision.SAME.value for each in same)
    said_slower = sum(each["decision"] == Decision.SLOWER.value for each in slower)
    passed = said_same == given.repeats and said_slower >= NEEDED * given.repeats
    told = {
        "what": "a file against itself, and against a copy slowed by a part of its time, on a busy host",
        "provenance": "measured",
        "passed": passed,
        "repeats": given.repeats,
        "said_same": said_same,
        "said_slower": said_slower,
        "slowed_by_fraction": SLOWED_BY,
        "calibration": calibration,
        "burning_processes": given.burners,
        "processors": os.cpu_count(),
        "fresh_processes": given.fresh,
        "inputs": given.inputs,
        "device": last.device,
        "driver": last.driver,
        "versions": dict(last.versions),
        "elapsed_s": time.monotonic() - began,
        "against_itself": same,
        "against_slowed": slower,
    }
    if given.json is not None:
        # what is not a number, of a device that does not tell, has no form in JSON
        given.json.write_text(json.dumps(told, indent=1).replace("NaN", "null") + "\n", encoding="utf-8")
    print(f"same {said_same} of {given.repeats}, slower {said_slower} of {given.repeats}, {told['elapsed_s']:.0f} s")
    return 0 if passed else 1


if __name__ == "__main__":
    sys.exit(main())
