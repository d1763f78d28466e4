"""TW505."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.events import Dot, Reduction
from tilewright.lint.evidence import met
from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_kernel
from tilewright.records.finding import Severity

_ROW = "cols = tl.arange(0, BLOCK)\nx = tl.load(x_ptr + cols, mask=cols < n{other})\n"
_DOT = """
i = tl.arange(0, 16)
a = tl.load(x_ptr + i[:, None] * 16 + i[None, :], mask={mask} < n)
b = tl.load(y_ptr + i[:, None] * 16 + i[None, :])
c = tl.dot(a, b)
"""


class MaskedLoadWithoutOther(Rule):
    """Lanes that a mask switches off hold undefined values unless ``other`` says what they are; summed up or
    multiplied along the masked axis, they spoil the result at every ragged end.
    """

    code = "TW505"
    name = "masked-load-without-other"
    severity = Severity.ERROR
    examples = (
        Good("other-given", in_kernel(_ROW.format(other=", other=0.0") + "y = tl.sum(x, axis=0)")),
        Good("selected-after", in_kernel(_ROW.format(other="") + "y = tl.sum(tl.where(cols < n, x, 0.0), axis=0)")),
        Good("stored-under-the-mask", in_kernel(_ROW.format(other="") + "tl.store(y_ptr + cols, x, mask=cols < n)")),
        Good("rows-of-a-dot", in_kernel(_DOT.format(mask="i[:, None]"))),
        Bad("summed", in_kernel(_ROW.format(other="") + "y = tl.sum(x, axis=0)"), "feeds tl.sum on line 11", line=10),
        Bad("max-of-all", in_kernel(_ROW.format(other="") + "y = tl.max(x * 2)"), "feeds tl.max on line 11", line=10),
        Bad("k-of-a-dot", in_kernel(_DOT.format(mask="i[None, :]")), "feeds tl.dot on line 12", line=10),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Follow each masked load to the reductions along a masked axis."""
        for reduction, _ in met(file, Reduction, lambda event: bool(_reduced(event))):
            yield from self._reports(file, _reduced(reduction), reduction.node)
        for dot, _ in met(file, Dot, lambda event: bool(_multiplied(event))):
            yield from self._reports(file, _multiplied(dot), dot.node)

    def _reports(self, file: FileModel, loads: set[cst.Call], user: cst.Call) -> Iterator[Report]:
        line = file.tree.place(user)[0] + file.source.first_line - 1
        name = file.tl_name(user) or "a reduction"
        for load in sorted(loads, key=file.tree.place):
            yield Report(load, f"this load has a mask and no `other`, and feeds tl.{name} on line {line}; add `other`")


def _reduced(event: Reduction) -> set[cst.Call]:
    rank = len(event.source.shape) if event.source.shape is not None else 0
    axis = event.axis % rank if event.axis is not None and rank else None
    if event.axis is None and len(event.node.args) > 1:
        return set()
    return {load for load, axes in event.source.holes if axis is None or axis in axes}


def _multiplied(event: Dot) -> set[cst.Call]:
    found = set()
    for tile, axis in ((event.left, 1), (event.right, 0)):
        if tile.shape is not None and len(tile.shape) == 2:
            found |= {load for load, axes in tile.holes if axis in axes}
    return found
