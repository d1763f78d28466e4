"""What ``contraction.py`` found, as a table: computed first, then drawn."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any

WANTED = {"fp32": 0.90, "fp16": 0.95, "bf16": 0.95}
"""Speed against PyTorch below which a case misses: TF32, and the 16-bit types."""
LEAST = 0.70
"""No case is to be below."""
AGAINST = ("torch", "input", "compile")
Row = Mapping[str, Any]


def geomean(values: Sequence[float]) -> float | None:
    """The geometric mean; ``None`` of nothing."""
    return math.exp(sum(map(math.log, values)) / len(values)) if values else None


def misses(row: Row) -> bool:
    """Whether a case is slower than wanted against PyTorch."""
    ratio = ratio_of(row, "torch")
    return ratio is not None and ratio < WANTED[row["dtype"]]


def ratio_of(row: Row, other: str) -> float | None:
    """Another's time over Tilewright's: above 1 Tilewright is faster."""
    found = row.get("ratios", {}).get(other)
    return None if found is None else float(found["value"])


def summary_info(rows: Sequence[Row]) -> dict[str, Any]:
    """Geometric means by type and over all, the worst case, and the cases that miss, with what binds them."""
    found: dict[str, Any] = {"geomeans": {}}
    for dtype in (*WANTED, "all"):
        of_dtype = [row for row in rows if dtype in ("all", row["dtype"])]
        means = {}
        for other in AGAINST:
            ratios = [ratio for row in of_dtype if (ratio := ratio_of(row, other)) is not None]
            means[other] = {"geomean": geomean(ratios), "cases": len(ratios)}
        found["geomeans"][dtype] = means
    with_ratio = [(ratio, row["case"]) for row in rows if (ratio := ratio_of(row, "torch")) is not None]
    worst = min(with_ratio, default=None)
    found["worst"] = None if worst is None else {"case": worst[1], "ratio_to_torch": worst[0]}
    found["below_least"] = [name for ratio, name in with_ratio if ratio < LEAST]
    found["missed"] = [{"case": row["case"], "binds": row["binds"]} for row in rows if misses(row)]
    found["without_ratio"] = [row["case"] for row in rows if ratio_of(row, "torch") is None]
    return found


def _time(row: Row, role: str) -> str:
    side = row.get("times", {}).get(role)
    if side is None:
        return "-"
    if side["cold_us"] is None:
        return "failed"
    value = side["cold_us"]["value"]
    return f"{value:,.0f}" if value >= 1000 else f"{value:.1f}"


def _ratio(row: Row, other: str) -> str:
    found = row.get("ratios", {}).get(other)
    return "-" if found is None else f"x{found['value']:.2f} [{found['low']:.2f}, {found['high']:.2f}]"


def _floor(row: Row) -> str:
    floor = row["floor"]
    return "-" if floor is None else f"{floor['time_us']:.1f} ({floor['binds']})"


COLUMNS: tuple[tuple[str, Callable[[Row], str]], ...] = (
    ("case", lambda row: str(row["case"])),
    ("input us", lambda row: _time(row, "input")),
    ("tilewright us", lambda row: _time(row, "tilewright")),
    ("torch us", lambda row: _time(row, "torch")),
    ("compile us", lambda row: _time(row, "compile")),
    ("floor us", _floor),
    ("to torch", lambda row: _ratio(row, "torch")),
    ("to input", lambda row: _ratio(row, "input")),
    ("what binds", lambda row: str(row["binds"]) if misses(row) else ""),
)


def table_cells(rows: Sequence[Row]) -> list[list[str]]:
    """The head and a line for each case, as text."""
    return [[name for name, _ in COLUMNS], *([draw(row) for _, draw in COLUMNS] for row in rows)]


def summary_lines(told: Mapping[str, Any]) -> list[str]:
    """What the table comes to, in sentences."""
    lines, summary = [], told["summary"]
    for dtype, means in summary["geomeans"].items():
        words = [
            f"x{mean['geomean']:.3f} of {other} ({mean['cases']} cases)"
            for other, mean in means.items()
            if mean["geomean"] is not None
        ]
        if words:
            lines.append(f"{dtype}: geometric mean {', '.join(words)}")
    if summary["worst"] is not None:
        lines.append(f"worst: {summary['worst']['case']} x{summary['worst']['ratio_to_torch']:.3f} of torch")
    if summary["below_least"]:
        lines.append(f"below x{LEAST:.2f} of torch: {', '.join(summary['below_least'])}")
    for row in told["rows"]:
        errors = [f"{role}: {side['error']}" for role, side in row.get("times", {}).items() if side["error"]]
        errors += [row["error"]] if row["error"] else []
        lines += [f"{row['case']}: {error}" for error in errors]
    lines += [f"not run: {', '.join(told['not_run'])}"] if told["not_run"] else []
    if told["compile_mode"] is None:
        lines.append("torch.compile was left out")
    return lines


def render_text(told: Mapping[str, Any]) -> str:
    """The table for a terminal."""
    cells = table_cells(told["rows"])
    widths = [max(len(line[index]) for line in cells) for index in range(len(COLUMNS))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip() for line in cells]
    return "\n".join([*lines, "", *summary_lines(told)])


def render_markdown(told: Mapping[str, Any]) -> str:
    """The table as Markdown, with what it was measured on."""
    head, *lines = table_cells(told["rows"])
    drawn = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    drawn += [f"| {' | '.join(cells)} |" for cells in lines]
    versions = ", ".join(f"{name} {version}" for name, version in sorted(told["versions"].items()))
    what = f"{told['device'] or 'nothing was timed'}; driver {told['driver'] or 'unknown'}; {versions}"
    said = [f"* {line}" for line in summary_lines(told)]
    return "\n".join([f"{what}. Precision: {told['precision']}.", "", *drawn, "", *said]) + "\n"
