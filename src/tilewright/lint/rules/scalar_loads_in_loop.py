"""TW703."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.events import Load
from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_kernel
from tilewright.lint.trace import traces
from tilewright.records.finding import Severity

_LOOP = "total = 0.0\nfor k in range(0, n):\n    total += tl.load(x_ptr + k)\ntl.store(y_ptr, total)"
_NESTED = (
    "for i in range(n):\n    start = tl.load(x_ptr + i)\n"
    "    for j in range(start):\n        x = tl.load(y_ptr + tl.arange(0, BLOCK))"
)


class ScalarLoadsInLoop(Rule):
    """A loop whose only loads are scalars moves four bytes at a time through one thread's path: no coalescing, no
    tensor cores, latency in full each time; load a block and reduce it.
    """

    code = "TW703"
    name = "scalar-loads-in-loop"
    severity = Severity.WARNING
    examples = (
        Good(
            "block-loads", in_kernel("for k in range(0, n, BLOCK):\n    x = tl.load(x_ptr + k + tl.arange(0, BLOCK))")
        ),
        Good(
            "scalar-beside-block",
            in_kernel("for k in range(n):\n    x = tl.load(x_ptr + k) * tl.load(y_ptr + tl.arange(0, BLOCK))"),
        ),
        Good("scalar-outside-the-inner-loop", in_kernel(_NESTED)),
        Good("no-loop", in_kernel("x = tl.load(x_ptr + n)")),
        Bad("dot-by-scalars", in_kernel(_LOOP), "every load in this loop is a scalar", line=10),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Group the loads of all walks by their innermost loop."""
        loops: dict[cst.CSTNode, list[Load]] = {}
        for trace in traces(file):
            for event in trace.events:
                if isinstance(event, Load):
                    around = [
                        item for item in file.tree.ancestors(event.node) if isinstance(item, (cst.For, cst.While))
                    ]
                    for item in around:
                        loops.setdefault(item, []).append(event)
        inner = {item for loop in loops for item in file.tree.ancestors(loop)}
        for loop, loads in loops.items():
            if loop not in inner and all(event.result.shape == () for event in loads):
                yield Report(loop, "every load in this loop is a scalar; load a block and reduce it")
