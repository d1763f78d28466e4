"""TW205."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_wrapper
from tilewright.lint.tree import literal
from tilewright.records.finding import Severity


class GridEntryNotPositive(Rule):
    """A grid with a zero in it launches nothing, and the output keeps whatever ``torch.empty`` left in it."""

    code = "TW205"
    name = "grid-entry-not-positive"
    severity = Severity.ERROR
    examples = (
        Good("one", in_wrapper("kernel[(1,)](x, x, 1, BLOCK=16)")),
        Bad("zero", in_wrapper("kernel[(0,)](x, x, 1, BLOCK=16)"), "launches nothing", line=14),
        Bad("negative", in_wrapper("grid = (-1,)\nkernel[grid](x, x, 1, BLOCK=16)"), "launches nothing", line=15),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look at the literal entries."""
        for site in file.launches:
            for grid in file.grids(site):
                for entry in grid.entries or ():
                    value = literal(entry)
                    if isinstance(value, (int, float)) and value < 1:
                        yield Report(site.node, f"a grid entry is {value}; the launch fails or launches nothing")
