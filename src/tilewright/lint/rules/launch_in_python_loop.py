"""TW704."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_wrapper
from tilewright.lint.tree import target_names, walk
from tilewright.records.finding import Severity


class LaunchInPythonLoop(Rule):
    """A launch for each slice of a batch pays the launch overhead each time and leaves most of the GPU idle; make the
    loop a grid axis.
    """

    code = "TW704"
    name = "launch-in-python-loop"
    severity = Severity.WARNING
    examples = (
        Good("passes-over-the-same-data", in_wrapper("for step in range(4):\n    kernel[(1,)](x, x, step, BLOCK=16)")),
        Good("one-launch", in_wrapper("kernel[(x.shape[0],)](x, x, 1, BLOCK=16)")),
        Bad(
            "slice-by-slice",
            in_wrapper("for b in range(x.shape[0]):\n    kernel[(1,)](x[b], x, 1, BLOCK=16)"),
            "each `b`",
            line=15,
        ),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Find launches whose arguments are sliced by the variable of a loop around them."""
        for site in file.launches:
            loops = [item for item in file.tree.ancestors(site.node) if isinstance(item, cst.For)]
            names = {name for loop in loops for name in target_names(loop.target)}
            for argument in site.arguments.values():
                if isinstance(argument, cst.Subscript):
                    used = {item.value for part in argument.slice for item in walk(part) if isinstance(item, cst.Name)}
                    for name in sorted(used & names):
                        yield Report(site.node, f"the kernel is launched for each `{name}`; make it a grid axis")
