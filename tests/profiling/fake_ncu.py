"""Stands in for Nsight Compute: does as ``TILEWRIGHT_FAKE_NCU`` says.

It runs the program that it is given in the modes that begin with ``real``; in the others it writes what that would
have said, which costs no import of PyTorch.

A report of it is JSON: what ``ncu`` was called with, and the CSV that ``--import`` prints.
"""

import json
import os
import subprocess
import sys
import time
from pathlib import Path

HOME = Path(__file__).resolve().parent
MODE = os.environ.get("TILEWRIGHT_FAKE_NCU", "works")
LISTED = """Device GH100
---------------------------
Metric Name                     Metric Type  Metric Unit  Metric Description
gpu__time_duration              Counter      nsecond      incremental duration in nanoseconds
sm__throughput                  Throughput   %            SM throughput
dram__throughput                Throughput   %            DRAM throughput
l1tex__data_bank_conflicts_pipe_lsu_mem_shared  Counter   bank conflicts
"""
VALUES = {"gpu__time_duration.sum": "1,500", "launch__grid_size": "2"}


def main(arguments: list[str]) -> int:
    if "--version" in arguments:
        print("NVIDIA (R) Nsight Compute Command Line Profiler\nVersion 2026.1.0.0 (build 1) (public-release)")
        return 0
    if "--query-metrics" in arguments:
        print(LISTED if MODE != "lists nothing" else "==ERROR== unknown chip")
        return 0
    if "--import" in arguments:
        print(json.loads(Path(arguments[arguments.index("--import") + 1]).read_text())["csv"])
        return 0
    return profile(arguments)


def profile(arguments: list[str]) -> int:
    names = arguments[arguments.index("--metrics") + 1].split(",")
    report = Path(arguments[arguments.index("--export") + 1])
    program = arguments[arguments.index("--export") + 2 :]
    print(f"==PROF== Connected to process {os.getpid()}")
    if MODE == "no permission":
        print("==ERROR== ERR_NVGPUCTRPERM - The user does not have permission to access performance counters")
        return 1
    if MODE == "unknown metric" and "sm__throughput.avg.pct_of_peak_sustained_elapsed" in names:
        print("==ERROR== Failed to find metric sm__throughput.avg.pct_of_peak_sustained_elapsed")
        return 1
    if MODE == "lock":
        print("==ERROR== Failed to open/create lock file /tmp/nsight-compute-lock\n==ERROR== InterprocessLockFailed")
        return 9
    if MODE == "hangs":
        time.sleep(600)
    request = json.loads(Path(program[-1]).read_text())
    plan = json.loads(request["plan"])
    if MODE == "strict ways fail" and plan["kind"] != "none" and plan["filtered"]:
        return 5
    if MODE == "garbage":
        sys.stdout.buffer.write(b"\x00\xff no such thing\n")
        return 7
    code = run(program) if MODE.startswith("real") else act(Path(request["progress"]))
    if MODE == "no report" or code != 0:
        print("==WARNING== No kernels were profiled.")
        return code
    report.write_text(json.dumps({"arguments": arguments, "csv": csv(names, Path(request["source"]).read_text())}))
    print(f"==PROF== Report: {report}")
    return code


def run(program: list[str]) -> int:
    """The real profiler injects a library; this one runs the same module with another device."""
    where = program.index("tilewright.profiling.replay")
    environment = dict(os.environ, PYTHONPATH=f"{os.environ['PYTHONPATH']}{os.pathsep}{HOME}", TRITON_INTERPRET="1")
    command = [*program[:where], "host_replay", *program[where + 1 :]]
    return subprocess.run(command, env=environment, check=False).returncode


def act(progress: Path) -> int:
    """Leave the trace of a replay that ended as the mode says."""
    steps = [{"step": "confined", "by": []}, {"step": "ready"}, {"step": "warm"}, {"step": "done"}]
    if MODE == "device fails":
        steps = [steps[0], {"step": "raised", "why": "RuntimeError: no CUDA device", "line": None}]
    if MODE in ("crashes", "call hangs"):
        steps = steps[:2]
    if MODE == "lies":
        progress.mkdir()
        return 0
    progress.write_text("not JSON\n[1]\n" + "\n".join(map(json.dumps, steps)))
    if MODE == "call hangs":
        time.sleep(600)
    return -9 if MODE == "crashes" else 4 if MODE == "device fails" else 0


def csv(names: list[str], source: str) -> str:
    if MODE == "bad report":
        return "nothing of the kind"
    head = ["ID", "Kernel Name", "Device", "CC", *names, "launch__context_id", "launch__uses_words"]
    kernels = [line.split("(")[0].removeprefix("def ") for line in source.splitlines() if line.startswith("def ")]
    rows = [head, ["", "", "", "", *("ns" if "time" in name else "%" for name in names), "", ""]]
    for number, kernel in enumerate([kernels[0], kernels[0], "vectorized_elementwise_kernel"]):
        rows.append([str(number), kernel, "0", "9.0", *(VALUES.get(name, "12.5") for name in names), "1", "yes"])
    return "\n".join(",".join(f'"{cell}"' for cell in row) for row in rows)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
