"""Reports that the profiler wrote (``.ncu-rep``): read by its own Python reader, or by itself.

The format is the vendor's own and changes with its versions. Either way another process does the reading.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

from tilewright.errors import MetricsError
from tilewright.profiling import ncu
from tilewright.profiling.ncu_csv import LaunchRow, is_text, parse_csv
from tilewright.profiling.units import base_factor

SUFFIXES = (".ncu-rep", ".nsight-cuprof-report")
_LIMIT_S = 120.0
_READER = "tilewright.profiling.ncu_reader"


def is_report(path: str) -> bool:
    """Whether a file's name says that it is a report."""
    return path.endswith(SUFFIXES)


def read_report(path: str) -> tuple[list[LaunchRow], tuple[str, ...]]:
    """Launches in order of the report, in base units, and notes.

    Raises:
        MetricsError: there is no such file, nothing that reads it, or it cannot be read.
    """
    if not Path(path).is_file():
        raise MetricsError(path, None, "no such file", "name a report that exists")
    found = ncu.find()
    told = _by_program(path, found) if found is not None else None
    if isinstance(told, str):
        return parse_csv(path, told)
    rows = _by_module(path, [] if found is None else found.python_folders())
    if rows is not None:
        return rows
    if isinstance(told, Failure):
        raise MetricsError(path, None, f"cannot be read: {told.what}", "export it with `ncu --csv --page raw`")
    what = "a report of Nsight Compute can be read only by itself or its Python reader, and neither is installed"
    remedy = "export it with `ncu --import FILE --csv --page raw`, or install ncu-report"
    raise MetricsError(path, None, what, remedy)


class Failure:
    """Why the profiler did not print a report."""

    def __init__(self, what: str) -> None:
        self.what = what


def _by_program(path: str, found: ncu.Ncu) -> str | Failure:
    """A report as CSV; or why there is none."""
    command = ncu.import_command(found, Path(path).resolve())
    try:
        code, out, err = ncu.run(command, limit_s=_LIMIT_S)
    except (OSError, subprocess.SubprocessError) as error:
        return Failure(str(error) if isinstance(error, OSError) else f"ncu took more than {_LIMIT_S:g} s")
    if code != 0 or "__" not in out:
        return Failure(ncu.complaint(out + err) or f"ncu ended with exit code {code}")
    return out


def _by_module(path: str, folders: list[str]) -> tuple[list[LaunchRow], tuple[str, ...]] | None:
    """What the Python reader says; ``None`` where there is none, or it does not read the file."""
    paths = [*folders, os.environ.get("PYTHONPATH", "")]
    own = str(Path(__file__).resolve().parents[2])
    variables = ncu.environment() | {"PYTHONPATH": os.pathsep.join([own, *filter(None, paths)])}
    try:
        code, out, _ = ncu.run(
            [sys.executable, "-P", "-m", _READER, str(Path(path).resolve())], limit_s=_LIMIT_S, variables=variables
        )
        launches = json.loads(out.splitlines()[-1]) if code == 0 else None
        return None if launches is None else _rows(launches)
    except (OSError, subprocess.SubprocessError, ValueError, LookupError, TypeError):
        return None


def _rows(launches: list[dict[str, object]]) -> tuple[list[LaunchRow], tuple[str, ...]]:
    rows, notes = [], []
    for number, launch in enumerate(launches, start=1):
        row = LaunchRow(kernel=str(launch["kernel"]), line=number)
        metrics = launch["metrics"]
        if not isinstance(metrics, dict):
            raise TypeError("metrics are no mapping")
        for name, (value, unit) in metrics.items():
            if is_text(name) or "__" not in name:
                continue
            factor = base_factor(unit)
            if factor is None:
                notes.append(f"{row.kernel}: {name} is kept in {unit!r}, a unit that is not known")
            row.metrics[name] = float(value) * (1.0 if factor is None else factor)
        rows.append(row)
    return rows, tuple(notes)
