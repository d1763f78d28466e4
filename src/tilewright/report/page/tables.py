"""Tables without the columns that say nothing."""

from __future__ import annotations

from collections.abc import Sequence

from tilewright.report import words
from tilewright.report.page.model import Grid

KERNEL = "kernel"


def table(caption: str, columns: Sequence[str], rows: Sequence[Sequence[str]], *, numeric: Sequence[str] = ()) -> Grid:
    """A table; a column that is empty in every row goes, and one kernel alone is named in the caption."""
    cells = {column: [row[index] for row in rows] for index, column in enumerate(columns)}
    kernels = set(cells.get(KERNEL, ()))
    gone = {column for column, own in cells.items() if all(one in ("", words.NONE) for one in own)}
    if len(kernels) == 1:
        gone.add(KERNEL)
        caption = f"{caption} Kernel {next(iter(kernels))}."
    kept = [index for index, column in enumerate(columns) if column not in gone]
    return Grid(
        caption=caption,
        columns=tuple(columns[index] for index in kept),
        rows=tuple(tuple(row[index] for index in kept) for row in rows),
        numeric=tuple(column for column in numeric if column not in gone),
    )
