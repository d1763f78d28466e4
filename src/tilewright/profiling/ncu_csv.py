"""CSV as ``ncu --csv`` prints it: one row a metric (long), or one row a launch (``--page raw``)."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from dataclasses import dataclass, field

from tilewright.errors import MetricsError
from tilewright.profiling.catalog import all_metrics
from tilewright.profiling.names import metric_name
from tilewright.profiling.units import base_factor, read_number

_REMEDY = "export with `ncu --csv --page raw --print-units base`"
_NO_METRICS = (
    "device__attribute",
    "launch__func",
    "launch__cluster_scheduling",
    "profiler__",
    "nvtx__",
    "smsp__pcsamp",
)
_LONG = ("Kernel Name", "Metric Name", "Metric Value")
_FAILURES = {
    "ERR_NVGPUCTRPERM": "the profiler had no permission to read counters",
    "Failed to find metric": "the profiler does not know a metric",
    "No kernels were profiled": "no kernel was profiled",
    "==ERROR==": "the profiler reports an error",
}


@dataclass(slots=True)
class LaunchRow:
    """One profiled launch; values in base units."""

    kernel: str
    line: int
    metrics: dict[str, float] = field(default_factory=dict)


def looks_like_csv(text: str) -> bool:
    """Whether ``text`` holds the header of ``ncu --csv`` somewhere, or what the profiler prints around it."""
    return _header_line(text.split("\n")) is not None or "==PROF==" in text or "==ERROR==" in text


def parse_csv(path: str, text: str) -> tuple[list[LaunchRow], tuple[str, ...]]:
    """Launches in order of the file, and notes; lines of the profiler and of the program in between are passed over.

    Raises:
        MetricsError: there is no header, a row is broken, or a value is no number.
    """
    lines = text.split("\n")
    start = _header_line(lines)
    if start is None:
        for number, line in enumerate(lines, start=1):
            for mark, meaning in _FAILURES.items():
                if mark in line:
                    raise MetricsError(path, number, f"{meaning}: {line.strip()[:120]}", _REMEDY)
        raise MetricsError(path, 1, 'no header of `ncu --csv` (a row that begins "ID")', _REMEDY)
    header = _cells(lines[start])
    rows = [(n + 1, _cells(line)) for n, line in enumerate(lines) if n > start and _is_row(line, header)]
    if all(name in header for name in _LONG):
        return _long(path, header, rows)
    return _raw(path, header, rows)


def _header_line(lines: Sequence[str]) -> int | None:
    for number, line in enumerate(lines):
        if "Kernel Name" in line and line.lstrip().startswith(
            ('"ID"', "ID,", '"Process', '"Kernel Name"', "Kernel Name,")
        ):
            return number
    return None


def _cells(line: str) -> list[str]:
    return next(csv.reader([line]), [])


def _is_row(line: str, header: Sequence[str]) -> bool:
    """Rows have the header's cells and begin as rows do; program output between them does not."""
    if not line.strip() or line.startswith("=="):
        return False
    cells = _cells(line)
    if len(cells) == len(header):
        return cells != list(header)
    return line.startswith('"') and line.count('","') >= len(header) // 2


def _check(path: str, line: int, header: Sequence[str], cells: Sequence[str]) -> None:
    if len(cells) != len(header):
        raise MetricsError(path, line, f"this row has {len(cells)} cells, the header {len(header)}", _REMEDY)


def _long(
    path: str, header: Sequence[str], rows: Sequence[tuple[int, list[str]]]
) -> tuple[list[LaunchRow], tuple[str, ...]]:
    found: dict[tuple[str, ...], LaunchRow] = {}
    notes: list[str] = []
    identity = [n for n, name in enumerate(header) if name in ("ID", "Process ID", "Kernel Name")]
    for line, cells in rows:
        _check(path, line, header, cells)
        row = dict(zip(header, cells, strict=True))
        launch = found.setdefault(tuple(cells[n] for n in identity), LaunchRow(kernel=row["Kernel Name"], line=line))
        unit = row.get("Metric Unit", "")
        name = metric_name(row["Metric Name"].strip(), unit.strip())
        if name is not None and not is_text(name):
            _store(path, line, launch, name, row["Metric Value"], unit, notes)
    return list(found.values()), tuple(notes)


def _raw(
    path: str, header: Sequence[str], rows: Sequence[tuple[int, list[str]]]
) -> tuple[list[LaunchRow], tuple[str, ...]]:
    found: list[LaunchRow] = []
    notes: list[str] = []
    units: list[str] = [""] * len(header)
    kernel = header.index("Kernel Name")
    for line, cells in rows:
        _check(path, line, header, cells)
        if not cells[kernel].strip():
            units = cells
            continue
        launch = LaunchRow(kernel=cells[kernel], line=line)
        for name, value, unit in zip(header, cells, units, strict=True):
            if "__" in name and not is_text(name):
                _store(path, line, launch, name, value, unit, notes)
        found.append(launch)
    return found, tuple(notes)


def is_text(name: str) -> bool:
    """Whether a column holds words, such as a device's name or a cache policy, or the profiler's own bookkeeping."""
    return name.startswith(_NO_METRICS)


def _store(path: str, line: int, launch: LaunchRow, name: str, value: str, unit: str, notes: list[str]) -> None:
    try:
        number = read_number(value)
    except ValueError as error:
        if name in all_metrics():
            raise MetricsError(path, line, f"{name}: {error}", _REMEDY) from error
        # a report holds columns of words too, and every version has others
        return
    if number is None and not value.strip() and name not in all_metrics():
        # a column of words that is empty here, such as launch__kernel_name
        return
    if number is None:
        notes.append(f"{launch.kernel}: {name} has no value ({value.strip() or 'empty'}) and is left out")
        return
    factor = base_factor(unit)
    if factor is None:
        notes.append(f"{launch.kernel}: {name} is kept in {unit!r}, a unit that is not known")
        factor = 1.0
    launch.metrics[name] = number * factor
