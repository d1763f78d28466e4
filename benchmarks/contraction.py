"""Contractions against PyTorch, torch.compile and the roofline: one table.

    python benchmarks/contraction.py --json table.json --files files          # the usual table: hours of optimizing
    python benchmarks/contraction.py --cases 'seed.*' '4096.nt.*' --limit 60  # some cases
    python benchmarks/contraction.py --all --dry-run                          # lists every case

For each case it writes a plain kernel and its reference, lets Tilewright optimize the kernel (or takes the file that an
earlier run left in --files), and times the two side by side with PyTorch at the same precision (TF32 for float32),
with torch.compile where --compile asks for it. The JSON is written again after each case.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import platform
import sys
import tempfile
from collections.abc import Mapping, Sequence
from math import isfinite
from pathlib import Path
from typing import Any

from contraction_cases import Case, chosen_cases, roofline
from contraction_run import Settings, Table, folder_of, run_cases
from contraction_table import render_markdown, render_text, summary_info, table_cells
from contraction_timing import SideBySide

import tilewright
from tilewright import targets
from tilewright.profiling.here import gpu_name
from tilewright.prove import host
from tilewright.records.target import Target

COMPILE_MODES = ("max-autotune", "max-autotune-no-cudagraphs")


def told_of(table: Table, settings: Settings, target: Target) -> dict[str, Any]:
    """The table as JSON values, with what it was measured on."""
    made_on = table.made_on or {"device": None, "driver": None, "versions": {}}
    versions = {"tilewright": tilewright.__version__, "python": platform.python_version()}
    return {
        "what": "contractions: a plain kernel, Tilewright's file, PyTorch, torch.compile, and the roofline",
        "provenance": "measured" if table.made_on else "predicted",
        **made_on,
        "versions": {**versions, **made_on["versions"]},
        "target": target.name,
        "precision": settings.precision,
        "limit_s": settings.limit_s,
        "case_s": settings.case_s,
        "compile_mode": settings.compile_mode,
        "sandboxed": settings.compile_mode is None,
        "values": "A standard normal, B the same over the root of K; at most four sets; L2 flushed before each call",
        "summary": summary_info(table.rows),
        "not_run": table.not_run,
        "rows": table.rows,
    }


def written(told: Mapping[str, Any], json_path: Path | None, markdown_path: Path | None) -> None:
    """Write the table anew; a run that is cut while it writes leaves the one before it."""
    if json_path is not None:
        # what is not a number, of a device that does not tell, has no form in JSON
        _replace(json_path, json.dumps(told, indent=1).replace("NaN", "null") + "\n")
    if markdown_path is not None:
        _replace(markdown_path, render_markdown(told))


def _replace(path: Path, text: str) -> None:
    beside = path.with_name(path.name + ".part")
    beside.write_text(text, encoding="utf-8")
    beside.replace(path)


def earlier(path: Path | None, settings: Settings) -> Table:
    """The timed rows that an earlier run left in ``path``, to be gone on from.

    Raises:
        SystemExit: that run was asked for something else.
    """
    if path is None or not path.exists():
        return Table()
    told = json.loads(path.read_text(encoding="utf-8"))
    for name in ("precision", "compile_mode"):
        if told[name] != getattr(settings, name):
            raise SystemExit(f"--go-on: {path} was made with {name} {told[name]}; give another --json")
    rows = [row for row in told["rows"] if row.get("times") and not row["error"]]
    made_on = {"device": told["device"], "driver": told["driver"], "versions": told["versions"]} if rows else {}
    for name in ("tilewright", "python"):
        made_on.get("versions", {}).pop(name, None)
    return Table(rows=rows, made_on=made_on)


def parsed(arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add = parser.add_argument
    add("--cases", nargs="+", default=[], metavar="GLOB", help="by name, with wildcards: 'seed.*' '4096.nt.fp16'")
    add("--all", action="store_true", help="every shape in every layout and type, with and without bias and GELU")
    add("--dry-run", action="store_true", help="list the cases, and write their files where --files is given")
    add("--files", type=Path, help="folder of a folder for each case; files that an earlier run left are taken again")
    add("--gpu", help="target; unless told, the GPU in this machine")
    add("--device", choices=("cuda", "none"), default="cuda", help="none: predict, and time nothing")
    add("--precision", choices=("same", "no-worse", "tolerance"), default="no-worse")
    add("--limit", type=float, default=60.0, help="seconds for optimizing a case")
    add("--no-optimize", action="store_true", help="optimize nothing; files that --files holds are timed")
    add("--no-time", action="store_true", help="optimize only, and leave the files in --files")
    add("--compile", nargs="?", const=COMPILE_MODES[0], choices=COMPILE_MODES, help="torch.compile too: minutes a case")
    add("--case-seconds", type=float, default=2.0, help="for timing a case, at most where the calls are fast")
    add("--seconds", type=float, default=float("inf"), help="for everything; cases beyond are listed as not run")
    add("--go-on", action="store_true", help="keep the timed rows that --json holds, and run the others")
    add("--seed", type=int, default=0)
    add("--json", type=Path)
    add("--markdown", type=Path)
    given = parser.parse_args(arguments)
    for name in ("limit", "case_seconds"):
        if not (isfinite(getattr(given, name)) and getattr(given, name) > 0):
            parser.error(f"--{name.replace('_', '-')}: give seconds above 0")
    if given.no_time and given.files is None:
        parser.error("--no-time: name a folder with --files, or nothing is left of the run")
    return given


def target_of(given: argparse.Namespace) -> Target:
    """Whose roofline is the floor: the GPU named, or the one in this machine, or an H200."""
    name = given.gpu or (gpu_name() if given.device == "cuda" else None)
    return targets.load(name or "h200")


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the cases that were asked for, print the table and write it."""
    given = parsed(arguments)
    try:
        cases, target = chosen_cases(given.cases, everything=given.all), target_of(given)
    except ValueError as error:
        raise SystemExit(str(error)) from None
    measures = given.device == "cuda" and not given.dry_run
    if measures and not host.gpu_is_visible():
        raise SystemExit("no CUDA device is visible here: --device none predicts, --dry-run lists the cases")
    with tempfile.TemporaryDirectory() as scratch:
        settings = Settings(
            files=given.files or Path(scratch),
            gpu=given.gpu or (None if measures else target.name),
            device=given.device,
            precision=given.precision,
            limit_s=given.limit,
            optimizes=not given.no_optimize,
            compile_mode=given.compile,
            case_s=given.case_seconds,
            total_s=given.seconds,
            seed=given.seed,
        )
        if given.dry_run:
            return _listed(cases, settings, target, writes=given.files is not None)
        table = earlier(given.json, settings) if given.go_on else Table()
        done = {row["case"] for row in table.rows}
        cases = tuple(case for case in cases if case.name not in done)

        def save(table: Table) -> None:
            written(told_of(table, settings, target), given.json, given.markdown)
            if table.rows and table.rows[-1]["case"] not in done:
                done.add(table.rows[-1]["case"])
                print("  ".join(table_cells(table.rows[-1:])[1]), flush=True)

        with contextlib.ExitStack() as stack:
            timing = None
            if measures and not given.no_time:
                if given.compile:
                    # torch.compile builds kernels in processes of its own, and those failed inside the sandbox
                    os.environ["TILEWRIGHT_SANDBOX"] = "none"
                timing = stack.enter_context(SideBySide(seed=given.seed))
            run_cases(cases, settings, target, timing=timing, save=save, table=table)
        print(render_text(told_of(table, settings, target)))
    return 0


def _listed(cases: Sequence[Case], settings: Settings, target: Target, *, writes: bool) -> int:
    for case in cases:
        if writes:
            folder_of(case, settings)
        floor = roofline(case, target)
        print(f"{case.name:28} {case.spec:64} floor {floor.time_us:10.1f} us ({floor.binds})")
    print(f"{len(cases)} cases; nothing was run")
    return 0


if __name__ == "__main__":
    sys.exit(main())
