"""TW206."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_kernel
from tilewright.lint.tree import argument, literal
from tilewright.records.finding import Severity


class ProgramIdAxis(Rule):
    """A grid has axes 0, 1 and 2; ``tl.program_id`` of any other axis does not compile."""

    code = "TW206"
    name = "program-id-axis"
    severity = Severity.ERROR
    examples = (
        Good("last-axis", in_kernel("pid = tl.program_id(2)")),
        Good("by-keyword", in_kernel("pid = tl.program_id(axis=0)")),
        Bad("fourth-axis", in_kernel("pid = tl.program_id(3)"), "axis 3", line=9),
        Bad("num-programs", in_kernel("count = tl.num_programs(axis=4)"), "axis 4", line=9),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look at the literal axes."""
        for node in file.tree.nodes:
            if isinstance(node, cst.Call) and file.tl_name(node) in ("program_id", "num_programs"):
                axis = literal(argument(node, 0, "axis"))
                if isinstance(axis, int) and axis not in (0, 1, 2):
                    yield Report(node, f"axis {axis} does not exist; a grid has axes 0, 1 and 2")
