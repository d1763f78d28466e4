"""Optimize every file of a corpus: what is lifted, what it brings, and how the output stands against PyTorch.

    python benchmarks/corpus.py --corpus FOLDER --manifest benchmarks/data/llmkernel_level1_matmul.toml \
        --gpu h200 --device cuda --limit 110 --json results.json

The corpus is any folder with kernel files in KernelBench form and their references. A manifest says which, one entry a
file, as TOML (an array of tables ``[[file]]``) or as JSON Lines (one object a line), with these keys:

``name``       what the file is called in the table
``file``       the kernel file, from the corpus folder on
``reference``  its KernelBench reference, likewise: gives the inputs, the initial arguments and the oracle
``inputs``     optional: shapes, as ``A=f32[64,64] B=f32[64,64]``; these win over the reference's
``group``      optional: files of one group get a geometric mean of their own

Above the entries TOML may have ``source``, ``commit`` and ``license``, which go into the results.

Every file is optimized in a process of its own, so that one that crashes or hangs costs the others nothing; the JSON
is written anew after each, and ``--resume`` goes on from what it holds. On a GPU, input and output are timed against
each other at the end of each run, and then the output against the reference under PyTorch with TF32 allowed.
Leaves with 1 if a file came out slower, could not be used, or its run crashed or did not end.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import signal
import subprocess
import sys
import tempfile
import time
import tomllib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

GRACE_S = 90.0
"""Beside ``--limit`` and ``--torch-seconds``: to start, to read, and to end."""
TORCH_TAIL = """

class ModelNew(Model):
    def forward(self, *arguments):
        import torch

        before = torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32
        torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
        try:
            return super().forward(*arguments)
        finally:
            torch.backends.cuda.matmul.allow_tf32, torch.backends.cudnn.allow_tf32 = before
"""
"""Makes a reference a file that can be timed. TF32 is allowed in its own calls alone: an input may ask for the flag."""
BAD = ("slower", "crashed", "timed out", "refused")


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of a corpus; paths start at the corpus folder."""

    name: str
    file: str
    reference: str | None = None
    inputs: str | None = None
    group: str = ""


def read_manifest(path: Path) -> tuple[dict[str, str], tuple[Entry, ...]]:
    """What a manifest says of itself, and its entries.

    Raises:
        SystemExit: it is no such manifest.
    """
    text = path.read_text(encoding="utf-8")
    try:
        if path.suffix == ".toml":
            found = tomllib.loads(text)
            rows = found.pop("file", [])
        else:
            found, rows = {}, [json.loads(line) for line in text.splitlines() if line.strip()]
    except ValueError as error:
        raise SystemExit(f"{path}: cannot be read: {error}") from error
    known = {one.name for one in fields(Entry)}
    for place, row in enumerate(rows, 1):
        if not isinstance(row, dict) or not {"name", "file"} <= row.keys() <= known:
            raise SystemExit(f"{path}: entry {place}: needs name and file, and may have {', '.join(sorted(known))}")
    entries = tuple(Entry(**row) for row in rows)
    if len({entry.name for entry in entries}) != len(entries) or not entries:
        raise SystemExit(f"{path}: holds no entries, or two of one name")
    return {name: str(value) for name, value in found.items()}, entries


def main() -> int:
    """Run it as the command line asks."""
    given = _arguments()
    about, entries = read_manifest(given.manifest)
    if given.alone is not None:
        (entry,) = (entry for entry in entries if entry.name == given.alone)
        given.json.write_text(json.dumps(_optimized(entry, given)), encoding="utf-8")
        return 0
    wanted = [entry for entry in entries if not given.only or entry.name in given.only]
    if missing := set(given.only) - {entry.name for entry in entries}:
        raise SystemExit(f"--only {' '.join(sorted(missing))}: not in {given.manifest}")
    rows: dict[str, dict[str, Any]] = {}
    if given.resume and given.json is not None and given.json.exists():
        rows = {row["name"]: row for row in json.loads(given.json.read_text(encoding="utf-8"))["files"]}
    for entry in wanted:
        if entry.name not in rows:
            print(f"{entry.name} …", file=sys.stderr, flush=True)
            rows[entry.name] = _in_a_process(entry, given)
        told = _told(given, about, [rows[one.name] for one in entries if one.name in rows])
        if given.json is not None:
            given.json.write_text(json.dumps(told, indent=2) + "\n", encoding="utf-8")
    print(table(told["files"]))
    for mean in told["geometric_means"]:
        print(f"geomean {mean['of']}: x{mean['speedup']:.2f} over {mean['files']} files, {mean['provenance']}")
    return 1 if any(row["outcome"] in BAD for row in told["files"]) else 0


def _told(given: argparse.Namespace, about: Mapping[str, str], rows: Sequence[dict[str, Any]]) -> dict[str, Any]:
    asked = {"gpu": given.gpu, "device": given.device, "stage": given.stage, "precision": given.precision}
    limits = {"limit_s": given.limit, "torch_seconds": given.torch_seconds, "seed": given.seed}
    return {
        "manifest": {"name": given.manifest.name, **about},
        "options": {**asked, **limits},
        "files": list(rows),
        "geometric_means": means(rows),
    }


def means(rows: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Geometric means of the speedups, of all files and group by group; a file that went back unchanged counts 1.

    Measured and predicted ones are never taken together, and a run that gave no answer counts nowhere.
    """
    found = []
    groups = sorted({str(row["group"]) for row in rows} - {""})
    for group in ["", *(groups if len(groups) > 1 else [])]:
        for provenance in ("measured", "predicted"):
            own = [row for row in rows if group in ("", row["group"]) and row["provenance"] == provenance]
            ratios = [row["speedup"]["value"] if row["speedup"] else 1.0 for row in own]
            if ratios:
                mean = math.exp(sum(map(math.log, ratios)) / len(ratios))
                one = {"of": group or "all", "provenance": provenance, "files": len(ratios), "speedup": mean}
                found.append(one)
    return found


def table(rows: Iterable[Mapping[str, Any]]) -> str:
    """The results as text."""
    lines = [("task", "lifted", "input us", "output us", "torch us", "speedup", "of torch", "outcome")]
    for row in rows:
        of_torch = row["against_torch"]
        lines.append(
            (
                row["name"],
                f"{sum(kernel['lifted'] for kernel in row['kernels'])} of {len(row['kernels'])}",
                _number(row["input_us"]),
                _number(row["output_us"]),
                _number(of_torch and of_torch["baseline"]["cold_us"]["value"]),
                _ratio(row["speedup"]),
                _ratio(of_torch and of_torch["ratio"]),
                row["outcome"],
            )
        )
    widths = [max(len(line[column]) for line in lines) for column in range(len(lines[0]))]
    text = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in lines]
    return "\n".join([*text, *(f"{row['name']}: {reason}" for row in rows for reason in _reasons(row))])


def _reasons(row: Mapping[str, Any]) -> list[str]:
    refused = [f"{kernel['name']} is not lifted: {kernel['reason']}" for kernel in row["kernels"] if kernel["reason"]]
    return [*refused, *([row["reason"]] if row["outcome"] != "improved" else [])]


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:,.1f}"


def _ratio(found: Mapping[str, float] | None) -> str:
    return "-" if found is None else f"x{found['value']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"


def _in_a_process(entry: Entry, given: argparse.Namespace) -> dict[str, Any]:
    """The row of one file, or of how its run ended."""
    began = time.monotonic()
    with tempfile.TemporaryDirectory(prefix="tilewright-corpus-") as folder:
        out = Path(folder, "row.json")
        command = [sys.executable, __file__, "--alone", entry.name, "--json", str(out)]
        for option in ("corpus", "manifest", "gpu", "device", "stage", "precision", "limit", "seed", "outputs"):
            if getattr(given, option) is not None:
                command += [f"--{option}", str(getattr(given, option))]
        command += ["--torch-seconds", str(given.torch_seconds)]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, start_new_session=True)
        try:
            _, error = process.communicate(timeout=given.limit + given.torch_seconds + GRACE_S)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.communicate()
            row = _ended(entry, "timed out", f"did not end within {given.limit + given.torch_seconds + GRACE_S:g} s")
        else:
            if process.returncode == 0 and out.exists():
                row = json.loads(out.read_text(encoding="utf-8"))
            else:
                last = error.decode(errors="replace").strip().splitlines()
                row = _ended(entry, "crashed", last[-1] if last else f"exit code {process.returncode}")
    return {**row, "limit_s": given.limit, "elapsed_s": round(time.monotonic() - began, 1)}


def _ended(entry: Entry, outcome: str, reason: str) -> dict[str, Any]:
    nothing = dict.fromkeys(("speedup", "provenance", "input_us", "output_us", "comparison", "against_torch"))
    return {**asdict(entry), "kernels": [], **nothing, "outcome": outcome, "reason": reason}


def _optimized(entry: Entry, given: argparse.Namespace) -> dict[str, Any]:
    """Optimize one file."""
    import tilewright
    from tilewright.records.algorithm import Opaque
    from tilewright.records.timing import Decision

    reference = None if entry.reference is None else str(given.corpus / entry.reference)
    try:
        found = tilewright.optimize(
            str(given.corpus / entry.file), reference=reference, inputs=entry.inputs, gpu=given.gpu, stage=given.stage,
            precision=given.precision, device=given.device, limit_s=given.limit, seed=given.seed,
            allow_unsandboxed=True,
        )  # fmt: skip
    except tilewright.InputError as error:
        return _ended(entry, "refused", str(error))
    kernels: dict[str, dict[str, Any]] = {}
    for one in found.run.analyses:
        reasons = one.algorithm.reasons if isinstance(one.algorithm, Opaque) else ()
        kernels[one.launch.kernel] = {
            "name": one.launch.kernel, "launches": 1 + kernels.get(one.launch.kernel, {}).get("launches", 0),
            "lifted": not reasons, "reason": "; ".join(reasons),
        }  # fmt: skip
    if given.outputs is not None:
        given.outputs.mkdir(parents=True, exist_ok=True)
        (given.outputs / f"{entry.name}.py").write_text(found.source, encoding="utf-8")
    measured, speedup = found.run.measured, found.speedup
    compared = None if measured is None else measured.comparison
    slower = compared is not None and (compared.decision is Decision.SLOWER or compared.ratio.high < 1)
    estimates = [one.estimate for one in found.run.analyses]
    predicted_us = sum(one.time_us for one in estimates if one) if all(estimates) else None
    ratio = None if speedup is None else {"value": speedup.value, "low": speedup.low, "high": speedup.high}
    predicted_out = predicted_us / speedup.value if predicted_us and speedup and measured is None else None
    return {
        **asdict(entry),
        "kernels": list(kernels.values()),
        "speedup": ratio,
        "provenance": "predicted" if measured is None else "measured",
        "input_us": predicted_us if measured is None else measured.input_us,
        "output_us": compared.candidate.cold_us.value if compared else predicted_out,
        "comparison": asdict(compared) if compared else None,
        "against_torch": _against_torch(entry, given, found.source, found.run.target) if measured else None,
        "outcome": "slower" if slower else "improved" if found.improved else "unchanged",
        "reason": found.run.reason,
        "proved": found.run.winner is not None and found.run.winner.verdict is not None,
        "changes": [] if found.run.winner is None else [asdict(one) for one in found.run.winner.candidate.changes],
    }


def _against_torch(entry: Entry, given: argparse.Namespace, output: str, target: Any) -> dict[str, Any] | None:
    """The output timed against the reference under PyTorch; the baseline is PyTorch."""
    if entry.reference is None or given.torch_seconds <= 0:
        return None
    from tilewright.errors import InputError, TimingError
    from tilewright.prove.reference import PRELOAD, read_reference, read_reference_file
    from tilewright.records.problem import Problem
    from tilewright.source import parse_inputs
    from tilewright.timing import Call, Timer
    from tilewright.workers import Worker

    try:
        reference = read_reference_file(str(given.corpus / entry.reference))
        with Worker(preload=PRELOAD) as reader:
            told = read_reference(reference, worker=reader, target=target, timeout_s=60.0)
        specs = told.inputs if entry.inputs is None else parse_inputs(entry.inputs)
        call = Call(problem=Problem(inputs=specs, init_arguments=told.init_arguments), reference=reference.text)
        with Timer(call, seed=given.seed) as timer:
            # one run of both says how far they are apart: that is asked here, not whether noise alone could be it
            compared = timer.compare(reference.text + TORCH_TAIL, output, limit_s=given.torch_seconds, noise_floor=0.01)
    except (InputError, TimingError) as error:
        print(f"{entry.name}: not timed against torch: {error}", file=sys.stderr)
        return None
    return asdict(compared)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--corpus", type=Path, required=True, metavar="FOLDER")
    parser.add_argument("--manifest", type=Path, required=True, metavar="FILE", help="TOML or JSON Lines")
    parser.add_argument("--gpu", help="name in the catalog")
    parser.add_argument("--device", default="none", choices=("none", "cuda"))
    parser.add_argument("--stage", default="all")
    parser.add_argument("--precision", default="no-worse", choices=("same", "no-worse", "tolerance"))
    parser.add_argument("--limit", type=float, default=270.0, metavar="SECONDS", help="a file")
    parser.add_argument("--torch-seconds", type=float, default=4.0, help="to time PyTorch, a file; 0: do not")
    parser.add_argument("--seed", type=int, default=1, help="of the proofs' inputs")
    parser.add_argument("--only", nargs="*", default=[], metavar="NAME", help="these files of the manifest")
    parser.add_argument("--json", type=Path, metavar="OUT")
    parser.add_argument("--resume", action="store_true", help="keep the files that OUT holds, and run the others")
    parser.add_argument("--outputs", type=Path, metavar="FOLDER", help="write every output file there")
    parser.add_argument("--alone", help=argparse.SUPPRESS)
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
