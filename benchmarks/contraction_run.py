"""Runs the cases of ``contraction.py``: files written, optimized or taken from an earlier run, and timed."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Protocol

from contraction_cases import Case, roofline
from contraction_files import compiled_file, input_file, reference_file, torch_file
from contraction_table import AGAINST
from contraction_timing import Timed

import tilewright
from tilewright.prove import host
from tilewright.records.problem import Problem
from tilewright.records.target import Target
from tilewright.records.trial import Run
from tilewright.timing import Call
from tilewright.timing.channel import Machine

_RESERVE_S = 5.0
"""For loading and for what a case needs beside optimizing and timing."""


class Timing(Protocol):
    """What times the files of a case; see :class:`~contraction_timing.SideBySide`."""

    machine: Machine | None

    def time(self, call: Call, texts: Mapping[str, str], *, seconds: float, limits_s: Mapping[str, float]) -> Timed:
        """Time the files of one case side by side."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What a run was asked for."""

    files: Path
    """Folder with a folder for each case."""
    gpu: str | None = None
    device: str = "cuda"
    precision: str = "no-worse"
    limit_s: float = 60.0
    optimizes: bool = True
    compile_mode: str | None = None
    compile_limit_s: float = 240.0
    case_s: float = 2.0
    total_s: float = float("inf")
    seed: int = 0


@dataclass(kw_only=True)
class Table:
    """What was found so far."""

    rows: list[dict[str, Any]] = field(default_factory=list)
    not_run: list[str] = field(default_factory=list)
    made_on: dict[str, Any] = field(default_factory=dict)
    """Device, driver and versions of the timed rows; empty where there are none."""


def folder_of(case: Case, settings: Settings) -> Path:
    """Write the case's files; the folder that they are in."""
    folder = settings.files / case.name
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "input.py").write_text(input_file(case), encoding="utf-8")
    (folder / "reference.py").write_text(reference_file(case), encoding="utf-8")
    (folder / "torch.py").write_text(torch_file(case), encoding="utf-8")
    if settings.compile_mode is not None:
        (folder / "compiled.py").write_text(compiled_file(case, settings.compile_mode), encoding="utf-8")
    return folder


def kept(folder: Path, settings: Settings) -> dict[str, Any] | None:
    """What an earlier run said of the file that it left, and whether somebody changed that file since.

    ``None`` where there is none for this very input.
    """
    told = folder / f"tilewright.{settings.precision}.json"
    if not told.exists() or not told.with_suffix(".py").exists():
        return None
    found: dict[str, Any] = json.loads(told.read_text(encoding="utf-8"))
    if found["input_sha256"] != _sha256((folder / "input.py").read_text(encoding="utf-8")):
        return None
    edited = found["sha256"] != _sha256(told.with_suffix(".py").read_text(encoding="utf-8"))
    return {**found, "reused": True, "edited": edited}


def optimized(case: Case, folder: Path, settings: Settings) -> dict[str, Any]:
    """Have the input optimized; what was found of it, with the file beside it.

    Raises:
        InputError: it cannot be.
    """
    text, began = (folder / "input.py").read_text(encoding="utf-8"), time.monotonic()
    done = tilewright.optimize(
        str(folder / "input.py"),
        str(folder / "reference.py"),
        case.spec,
        gpu=settings.gpu,
        stage="all",
        precision=settings.precision,
        device=settings.device,
        limit_s=settings.limit_s,
        seed=settings.seed,
        allow_unsandboxed=True,
    )
    told = {
        "input_sha256": _sha256(text),
        "sha256": _sha256(done.source),
        "tilewright": tilewright.__version__,
        "precision": settings.precision,
        "limit_s": settings.limit_s,
        "elapsed_s": time.monotonic() - began,
        "device": settings.device,
        "gpu": done.run.target.name,
        "improved": done.improved,
        "reason": done.run.reason,
        "speedup": None if done.speedup is None else str(done.speedup),
        "changes": changes_of(done.run),
        "binds": binds_of(done.run),
    }
    (folder / f"tilewright.{settings.precision}.py").write_text(done.source, encoding="utf-8")
    (folder / f"tilewright.{settings.precision}.json").write_text(json.dumps(told, indent=1) + "\n", encoding="utf-8")
    return {**told, "reused": False, "edited": False}


def changes_of(run: Run) -> dict[str, str]:
    """What the answer does otherwise than the input."""
    changes = run.winner.candidate.changes if run.winner is not None else ()
    return {change.field: f"{change.before} -> {change.after}" for change in changes}


def binds_of(run: Run) -> str:
    """What binds the answer, from the profiler where it ran, else as predicted; empty where nothing tells."""
    if run.measured is not None and run.measured.diagnoses_after:
        return run.measured.diagnoses_after[0].binds
    if run.winner is not None:
        return f"{run.winner.estimate.binds} (predicted)" if run.winner.estimate is not None else ""
    diagnoses = [one.diagnosis for one in run.analyses if one.diagnosis is not None]
    return diagnoses[0].binds if diagnoses else ""


def run_cases(
    cases: Sequence[Case],
    settings: Settings,
    target: Target,
    *,
    timing: Timing | None,
    optimize: Callable[[Case, Path, Settings], dict[str, Any]] = optimized,
    save: Callable[[Table], None],
    table: Table,
    now: Callable[[], float] = time.monotonic,
) -> None:
    """Run one case after the other into ``table``, which is saved after each.

    Args:
        cases: what is to be run; those that the time does not reach are listed as not run.
        settings: how.
        target: whose roofline is the floor.
        timing: ``None`` times nothing.
        optimize: as :func:`optimized`.
        save: told the table after each case.
        table: what is known already.
        now: seconds, ever growing.
    """
    until = now() + settings.total_s
    table.not_run = [case.name for case in cases]
    for case in cases:
        began, folder = now(), folder_of(case, settings)
        found = kept(folder, settings)
        needed = settings.limit_s if settings.optimizes and found is None else 0.0
        needed += settings.case_s + _RESERVE_S if timing is not None else 0.0
        if until - began < needed:
            continue
        row = _row(case, target)
        if found is None and settings.optimizes:
            try:
                found = optimize(case, folder, settings)
            except Exception as error:  # one case that fails is a row, and not the end of the table
                row["error"] = f"not optimized: {_words(error)}"
        row["optimized"] = found
        row["binds"] = found["binds"] if found is not None and found["binds"] else row["binds"]
        if timing is not None:
            try:
                _time(case, folder, settings, timing, row)
            except Exception as error:
                row["error"] = " ".join([row["error"], f"not timed: {_words(error)}"]).strip()
            _made_on(table, timing.machine)
        row["elapsed_s"] = now() - began
        table.rows.append(row)
        table.not_run.remove(case.name)
        save(table)
    save(table)


def _made_on(table: Table, machine: Machine | None) -> None:
    if machine is None:
        return
    here = {"device": machine.name, "driver": host.driver_version(), "versions": dict(machine.versions)}
    if table.made_on not in ({}, here):
        raise SystemExit(f"--go-on: the rows that are there were timed on {table.made_on}, this is {here}")
    table.made_on = here


def _row(case: Case, target: Target) -> dict[str, Any]:
    try:
        floor: dict[str, Any] | None = asdict(roofline(case, target))
    except ValueError:
        floor = None
    shape = case.shape
    sizes = {"m": shape.m, "n": shape.n, "k": shape.k, "batch": shape.batch}
    named = {"case": case.name, "layout": case.layout, "dtype": case.dtype, "epilogue": case.epilogue or None}
    binds = "" if floor is None else f"{floor['binds']} (roofline)"
    return {**named, **sizes, "inputs": case.spec, "floor": floor, "binds": binds, "optimized": None, "error": ""}


def _time(case: Case, folder: Path, settings: Settings, timing: Timing, row: dict[str, Any]) -> None:
    names = {"compile": "compiled.py"} if settings.compile_mode is not None else {}
    names |= {"input": "input.py", "torch": "torch.py"}
    if row["optimized"] is not None:
        names["tilewright"] = f"tilewright.{settings.precision}.py"
    texts = {role: (folder / name).read_text(encoding="utf-8") for role, name in names.items()}
    problem, reference = Problem(inputs=case.inputs), (folder / "reference.py").read_text(encoding="utf-8")
    call = Call(problem=problem, reference=reference)
    limits_s = {"compile": settings.compile_limit_s}
    found = timing.time(call, texts, seconds=settings.case_s, limits_s=limits_s)
    row["times"] = {role: asdict(side) for role, side in found.sides.items()}
    ratios = {other: found.ratio(other, "tilewright") for other in AGAINST}
    row["ratios"] = {other: asdict(ratio) for other, ratio in ratios.items() if ratio is not None}
    row["blocks"], row["blocks_left_out"] = max((len(each) for each in found.logs.values()), default=0), found.left_out
    row["conditions"] = None if found.conditions is None else asdict(found.conditions)
    row["notes"] = list(found.notes)


def _words(error: Exception) -> str:
    return str(error) if isinstance(error, tilewright.TilewrightError) else f"{type(error).__name__}: {error}"


def _sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
