"""TW202."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_wrapper
from tilewright.lint.tree import dotted
from tilewright.records.finding import Severity

_LAUNCH = "kernel[grid](x, x, 1, BLOCK=16)"


class GridRankNotStatic(Rule):
    """The rank of a grid must be plain from the text: a grid that has two entries on one path and three on another,
    or is built from a shape of unknown length, cannot match fixed ``tl.program_id`` axes.
    """

    code = "TW202"
    name = "grid-rank-not-static"
    severity = Severity.ERROR
    examples = (
        Good("tuple", in_wrapper(f"grid = (1,)\n{_LAUNCH}")),
        Good("same-rank-on-both-paths", in_wrapper(f"grid = (1,) if x.is_cuda else (2,)\n{_LAUNCH}")),
        Good("grid-from-a-parameter", in_wrapper(f"grid = x.grid\n{_LAUNCH}")),
        Good("sum-of-fixed-tuples", in_wrapper(f"grid = (1,) + (2,)\n{_LAUNCH}")),
        Bad("two-ranks", in_wrapper(f"grid = (1,) if x.is_cuda else (1, 2)\n{_LAUNCH}"), "1 or 2 entries", line=15),
        Bad("shape-in-front", in_wrapper(f"grid = tuple(x.shape[:-2]) + (1,)\n{_LAUNCH}"), "cannot be read", line=15),
        Bad("starred", in_wrapper(f"grid = (*x.shape, 1)\n{_LAUNCH}"), "cannot be read", line=15),
        Bad("comprehension", in_wrapper(f"grid = tuple(s for s in x.shape)\n{_LAUNCH}"), "cannot be read", line=15),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Compare the lengths of all values that a grid can take."""
        for site in file.launches:
            ranks: set[int] = set()
            for grid in file.grids(site):
                rank = _rank(grid.node)
                if rank == "open":
                    yield Report(
                        site.node,
                        f"the rank of the grid cannot be read from `{file.tree.code(grid.node)}`; write a tuple",
                    )
                elif isinstance(rank, int):
                    ranks.add(rank)
            if len(ranks) > 1:
                lengths = " or ".join(str(rank) for rank in sorted(ranks))
                yield Report(site.node, f"the grid has {lengths} entries, by path; its rank must be static")


def _rank(node: cst.BaseExpression) -> int | str | None:
    """Return the length, ``open`` where it depends on run-time lengths, ``None`` where nothing can be said."""
    if isinstance(node, (cst.Tuple, cst.List)):
        starred = any(isinstance(item, cst.StarredElement) for item in node.elements)
        return "open" if starred else len(node.elements)
    if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Add):
        sides = (_rank(node.left), _rank(node.right))
        if isinstance(sides[0], int) and isinstance(sides[1], int):
            return sides[0] + sides[1]
        return "open" if "open" in sides or any(isinstance(side, int) for side in sides) else None
    if isinstance(node, (cst.ListComp, cst.GeneratorExp)):
        return "open"
    if isinstance(node, cst.Call) and dotted(node.func) in ("tuple", "list") and len(node.args) == 1:
        inner = node.args[0].value
        return _rank(inner) if isinstance(inner, (cst.Tuple, cst.List)) else "open"
    return None
