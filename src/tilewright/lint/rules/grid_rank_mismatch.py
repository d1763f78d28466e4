"""TW203."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.lint.facts import program_axes
from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule
from tilewright.lint.tree import literal
from tilewright.records.finding import Severity


def _file(axes: str, grid: str) -> str:
    body = "".join(f"    p{axis} = tl.program_id({axis})\n" for axis in axes) or "    pass\n"
    return f"{HEADER}@triton.jit\ndef kernel(x_ptr):\n{body}\n\ndef run(x, n):\n    kernel[{grid}](x)\n"


class GridRankMismatch(Rule):
    """The grid and ``tl.program_id`` must agree: an axis that the grid lacks is always 0, so work is left out, and an
    axis that the kernel never reads makes several programs do the same work and race on the result.
    """

    code = "TW203"
    name = "grid-rank-mismatch"
    severity = Severity.ERROR
    examples = (
        Good("both-two", _file("01", "(n, n)")),
        Good(
            "helper-reads-the-axis",
            HEADER + "@triton.jit\ndef h():\n    return tl.program_id(0)\n\n@triton.jit\ndef k(x):\n    h()\n"
            "\ndef run(x, n):\n    k[(n,)](x)\n",
        ),
        Good("unread-axis-of-one", _file("0", "(n, 1)")),
        Good("single-program", _file("", "(1,)")),
        Good(
            "axis-in-a-variable",
            HEADER
            + "@triton.jit\ndef k(x, a: tl.constexpr):\n    tl.program_id(a)\n\ndef run(x, n):\n    k[(n, n)](x, 1)\n",
        ),
        Bad("axis-not-in-grid", _file("01", "(n,)"), "reads axis 1", line=14),
        Bad("grid-axis-never-read", _file("0", "(n, n)"), "never reads axis 1", line=13),
        Bad("no-axis-read-at-all", _file("", "(n,)"), "never reads axis 0", line=13),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Compare each launch's grid with the axes that its kernel reads."""
        for site in file.launches:
            axes = program_axes(file, site.kernel)
            for grid in file.grids(site):
                if axes is None or grid.entries is None or len(grid.entries) > 3:
                    continue
                for axis in sorted(axes):
                    if len(grid.entries) <= axis < 3:
                        yield Report(
                            site.node,
                            f"`{site.kernel.name}` reads axis {axis} and its grid has {len(grid.entries)} entries; "
                            "the axis is always 0",
                        )
                for axis, entry in enumerate(grid.entries):
                    if axis not in axes and literal(entry) != 1:
                        yield Report(
                            site.node,
                            f"`{site.kernel.name}` never reads axis {axis} of its grid; "
                            "its programs repeat the same work",
                        )
