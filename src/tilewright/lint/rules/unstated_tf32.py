"""TW605."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.lint.events import Dot
from tilewright.lint.evidence import met
from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_kernel
from tilewright.lint.tree import keywords
from tilewright.records.finding import Severity

_BODY = """
a = tl.load(x_ptr + tl.arange(0, 16)[:, None] * 16 + tl.arange(0, 16)[None, :]){cast}
c = tl.dot(a, a{more})
"""


class UnstatedTf32(Rule):
    """``tl.dot`` on float32 rounds its operands to TF32 by default: 10 bits of fraction and not 23. Where a kernel
    casts to float32 on purpose, it should say which of the two it means.
    """

    code = "TW605"
    name = "unstated-tf32"
    severity = Severity.WARNING
    examples = (
        Good("stated", in_kernel(_BODY.format(cast=".to(tl.float32)", more=', input_precision="ieee"'))),
        Good("dtype-of-the-input", in_kernel(_BODY.format(cast="", more=""))),
        Bad(
            "cast-to-float32",
            in_kernel(_BODY.format(cast=".to(tl.float32)", more="")),
            "rounds float32 to TF32",
            line=10,
        ),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Report dots on tiles that the kernel itself cast to float32."""
        stated = {"input_precision", "allow_tf32"}
        for dot, where in met(file, Dot, lambda event: event.left.dtype == "fp32" and event.left.widened):
            if (
                not stated & set(keywords(dot.node))
                and len([item for item in dot.node.args if item.keyword is None]) < 4
            ):
                yield Report(dot.node, f'tl.dot rounds float32 to TF32{where}; state input_precision="tf32" or "ieee"')
