"""TW404."""

from __future__ import annotations

from collections.abc import Iterator
from math import prod

from tilewright.lint.events import Created
from tilewright.lint.evidence import met
from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_kernel, in_wrapper
from tilewright.records.finding import Severity

_LIMIT = 1 << 20
"""``triton.language.TRITON_MAX_TENSOR_NUMEL`` of 3.6 and 3.9."""


class TileTooLarge(Rule):
    """Triton refuses tiles of more than 1048576 elements; loop over a smaller block."""

    code = "TW404"
    name = "tile-too-large"
    severity = Severity.ERROR
    examples = (
        Good("at-the-limit", in_kernel("x = tl.zeros((1024, 1024), dtype=tl.float32)")),
        Bad("zeros", in_kernel("x = tl.zeros((2048, 1024), dtype=tl.float32)"), "2097152 elements", line=9),
        Bad("passed-at-the-launch", in_wrapper("kernel[(1,)](x, x, 1, BLOCK=2097152)"), "2097152 elements", line=9),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Multiply the sizes that are known."""
        for event, where in met(file, Created, lambda item: _count(item) > _LIMIT):
            yield Report(event.node, f"this tile has {_count(event)} elements{where}; Triton allows {_LIMIT}")


def _count(event: Created) -> int:
    """Return a lower bound on the elements: sizes that are not known count as 1."""
    return prod(size for size in event.shape if isinstance(size, int))
