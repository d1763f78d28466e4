"""TW603."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.events import Dot
from tilewright.lint.evidence import met
from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule
from tilewright.records.finding import Severity


def _file(cast: str, before: str = "") -> str:
    return f"""{HEADER}@triton.jit
def kernel(x_ptr, y_ptr):
    offsets = tl.arange(0, 16)[:, None] * 16 + tl.arange(0, 16)[None, :]
    x = tl.load(x_ptr + offsets){cast}
    tl.store(y_ptr + offsets, tl.dot(x, x))


def run(x):
{before}    y = torch.empty_like(x)
    kernel[(1,)](x, y)
"""


class Float32ThroughFloat16(Rule):
    """Casting float32 inputs to float16 before ``tl.dot`` loses 13 bits and most of the range without anyone asking
    for it; TF32 keeps the range at the tensor cores' speed.
    """

    code = "TW603"
    name = "float32-through-float16"
    severity = Severity.WARNING
    examples = (
        Good("as-loaded", _file("")),
        Good("refused-by-assert", _file(".to(tl.float16)", before="    assert x.dtype == torch.float16\n")),
        Good("narrowed-on-the-host-and-said", _file(".to(tl.float16)", before="    x = x.half()\n")),
        Bad("cast-before-dot", _file(".to(tl.float16)"), "float32 inputs are narrowed to float16", line=10),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Report the casts behind the operands of a dot."""
        seen: set[cst.Call] = set()
        for dot, _ in met(file, Dot, lambda event: bool(_casts(event))):
            for node in _casts(dot) - seen:
                seen.add(node)
                yield Report(
                    node,
                    "float32 inputs are narrowed to float16 before tl.dot; keep float32 (TF32) or refuse the dtype",
                )


def _casts(event: Dot) -> set[cst.Call]:
    return {node for node, dtype in event.left.narrowed | event.right.narrowed if dtype == "fp32"}
