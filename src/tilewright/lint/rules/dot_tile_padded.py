"""TW405."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.lint.events import Dot
from tilewright.lint.evidence import met
from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_kernel
from tilewright.records.finding import Severity

_BODY = """
a = tl.zeros(({m}, 32), dtype=tl.float16)
b = tl.zeros((32, {n}), dtype=tl.float16)
c = tl.dot(a, b)
"""


class DotTilePadded(Rule):
    """Tensor cores work on tiles of 16 rows: Triton pads a ``tl.dot`` with fewer rows or columns than 16 where it
    must and throws the rest away, so part of the work is wasted.
    """

    code = "TW405"
    name = "dot-tile-padded"
    severity = Severity.WARNING
    examples = (
        Good("full-tile", in_kernel(_BODY.format(m=16, n=16))),
        Bad("few-rows", in_kernel(_BODY.format(m=4, n=16)), "M is 4", line=11),
        Bad("few-columns", in_kernel(_BODY.format(m=16, n=8)), "N is 8", line=11),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Report dots whose M or N is known and below 16."""
        for dot, where in met(file, Dot, lambda event: bool(_small(event))):
            yield Report(dot.node, f"{_small(dot)} in this tl.dot{where}; below 16 the tile is padded")


def _small(event: Dot) -> str:
    left, right = event.left.shape, event.right.shape
    sizes = {"M": left[-2] if left and len(left) > 1 else None, "N": right[-1] if right and len(right) > 1 else None}
    return " and ".join(f"{axis} is {size}" for axis, size in sizes.items() if isinstance(size, int) and size < 16)
