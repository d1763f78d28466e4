"""TW402."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.lint.events import Dot
from tilewright.lint.evidence import met
from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_kernel
from tilewright.records.finding import Severity

_BODY = """
a = tl.zeros((16, {k}), dtype=tl.{dtype})
b = tl.zeros(({k}, 16), dtype=tl.{dtype})
c = tl.dot(a, b)
"""


def _file(k: int, dtype: str = "float16") -> str:
    return in_kernel(_BODY.format(k=k, dtype=dtype))


class DotKTooSmall(Rule):
    """``tl.dot`` needs a reduced dimension of at least 16 (32 for 8-bit operands); a smaller one does not compile."""

    code = "TW402"
    name = "dot-k-too-small"
    severity = Severity.ERROR
    examples = (
        Good("sixteen", _file(16)),
        Good("eight-bit-with-32", _file(32, "int8")),
        Good("unknown", in_kernel("a = tl.zeros((BLOCK, BLOCK), dtype=tl.float16)\nc = tl.dot(a, a)")),
        Bad("eight", _file(8), "K is 8", line=11),
        Bad("eight-bit", _file(16, "int8"), "at least 32", line=11),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Report dots whose K is known and too small."""
        for dot, where in met(file, Dot, lambda event: _k(event) is not None):
            yield Report(dot.node, f"K is {_k(dot)} in this tl.dot{where}; it must be at least {_least(dot)}")


def _least(event: Dot) -> int:
    return 32 if event.left.dtype in ("i8", "u8", "fp8e4nv", "fp8e5") else 16


def _k(event: Dot) -> int | None:
    """Return K if it is known and too small; float64 has smaller minima and is left alone."""
    sizes = [
        tile.shape[axis] for tile, axis in ((event.left, -1), (event.right, -2)) if tile.shape and len(tile.shape) > 1
    ]
    known = [size for size in sizes if isinstance(size, int)]
    return known[0] if known and known[0] < _least(event) and event.left.dtype != "fp64" else None
