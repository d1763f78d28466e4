"""TW201."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_wrapper
from tilewright.records.finding import Severity


class GridTooManyDimensions(Rule):
    """CUDA grids have three dimensions; a launch with more fails, so further parallel dimensions must be flattened."""

    code = "TW201"
    name = "grid-too-many-dimensions"
    severity = Severity.ERROR
    examples = (
        Good("three", in_wrapper("kernel[(1, 2, 3)](x, x, 1, BLOCK=16)")),
        Bad("four", in_wrapper("kernel[(1, 2, 3, 4)](x, x, 1, BLOCK=16)"), "4 dimensions", line=14),
        Bad(
            "four-in-lambda",
            in_wrapper("grid = lambda META: (1, 2, 3, 4)\nkernel[grid](x, x, 1, BLOCK=16)"),
            "4 dimensions",
            line=15,
        ),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Count the entries of every grid that is written out."""
        for site in file.launches:
            for grid in file.grids(site):
                if grid.entries is not None and len(grid.entries) > 3:
                    yield Report(
                        site.node, f"the grid has {len(grid.entries)} dimensions and CUDA allows 3; flatten some"
                    )
