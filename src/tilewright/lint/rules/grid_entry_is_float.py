"""TW204."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_wrapper
from tilewright.records.finding import Severity


def _file(entry: str) -> str:
    return in_wrapper(f"n = x.numel()\nkernel[({entry},)](x, x, n, BLOCK=16)")


class GridEntryIsFloat(Rule):
    """``/`` gives a float in Python, and a grid of floats does not launch; ``triton.cdiv`` rounds up as a grid must."""

    code = "TW204"
    name = "grid-entry-is-float"
    severity = Severity.ERROR
    fix_safety = "The launch failed before, so no result changes; `triton.cdiv` covers the ragged end."
    examples = (
        Good("cdiv", _file("triton.cdiv(n, 16)")),
        Good("floor-division", _file("n // 16")),
        Good("rounded-up", _file("math.ceil(n / 16)")),
        Bad("division", _file("n / 16"), "is a float", line=15, fixed=_file("triton.cdiv(n, 16)")),
        Bad(
            "division-in-lambda",
            in_wrapper("grid = lambda meta: (x.numel() / meta['BLOCK'],)\nkernel[grid](x, x, 1, BLOCK=16)"),
            "is a float",
            line=14,
            fixed=in_wrapper(
                "grid = lambda meta: (triton.cdiv(x.numel(), meta['BLOCK']),)\nkernel[grid](x, x, 1, BLOCK=16)"
            ),
        ),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Report every grid entry that is a plain ``a / b``."""
        for site in file.launches:
            for grid in file.grids(site):
                for entry in grid.entries or ():
                    if isinstance(entry, cst.BinaryOperation) and isinstance(entry.operator, cst.Divide):
                        text = f"triton.cdiv({file.tree.code(entry.left)}, {file.tree.code(entry.right)})"
                        edits = (file.tree.replace(entry, text),) if "triton" in file.aliases else ()
                        yield Report(entry, f"`{file.tree.code(entry)}` is a float; use `{text}`", edits)
