"""TW604."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.lint.events import Dot
from tilewright.lint.evidence import met
from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_kernel
from tilewright.records.finding import Severity

_BODY = """
a = tl.load(x_ptr + tl.arange(0, 16)[:, None] * 16 + tl.arange(0, 16)[None, :]).to(tl.float16)
c = tl.dot(a, a{more})
"""


class Float16Accumulation(Rule):
    """A product summed in float16 has 11 bits and overflows at 65504; the error grows with K, and on most GPUs
    float32 accumulation costs nothing or little.
    """

    code = "TW604"
    name = "float16-accumulation"
    severity = Severity.WARNING
    examples = (
        Good("default", in_kernel(_BODY.format(more=""))),
        Good("stated-float32", in_kernel(_BODY.format(more=", out_dtype=tl.float32"))),
        Bad("out-dtype-float16", in_kernel(_BODY.format(more=", out_dtype=tl.float16")), "summed in float16", line=10),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Report dots whose result is float16."""
        for dot, where in met(file, Dot, lambda event: event.result.dtype == "fp16"):
            yield Report(dot.node, f"this product is summed in float16{where}; use out_dtype=tl.float32")
