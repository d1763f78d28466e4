"""TW509."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.lint.events import Clash
from tilewright.lint.evidence import met, word
from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule, in_kernel
from tilewright.records.finding import Severity

_LOOP = """
acc = tl.zeros((16, 16), dtype=tl.{dtype})
for k in range(0, n):
    a = tl.load(x_ptr + tl.arange(0, 16)[:, None] * 16 + tl.arange(0, 16)[None, :]).to(tl.float16)
    acc += tl.dot(a, a{more})
"""
_FLAGS = (
    HEADER
    + """@triton.jit
def kernel(x_ptr, n, WIDE: tl.constexpr):
    if WIDE:
        acc = tl.zeros((16, 16), dtype=tl.float32)
    else:
        acc = tl.zeros((16, 16), dtype=tl.float16)
    for k in range(0, n):
        a = tl.load(x_ptr + tl.arange(0, 16)[:, None] * 16 + tl.arange(0, 16)[None, :])
        acc += tl.dot(a, a)


def run(x):
    kernel[(1,)](x, 4, WIDE=x.dtype == torch.float32)
"""
)


class AccumulatorDtypeChanges(Rule):
    """A variable that a loop carries must leave the body with the dtype it entered with: ``tl.dot`` gives float32
    unless told otherwise, so adding it to a float16 accumulator makes a float32 one, and Triton refuses the loop.
    """

    code = "TW509"
    name = "accumulator-dtype-changes"
    severity = Severity.ERROR
    examples = (
        Good("float32-accumulator", in_kernel(_LOOP.format(dtype="float32", more=""))),
        Good("product-in-float16", in_kernel(_LOOP.format(dtype="float16", more=", out_dtype=tl.float16"))),
        Good("flags-that-fit", _FLAGS.replace("WIDE=x.dtype == torch.float32", "WIDE=True")),
        Good("unrolled", in_kernel(_LOOP.format(dtype="float16", more="").replace("range", "tl.static_range"))),
        Bad(
            "float16-accumulator",
            in_kernel(_LOOP.format(dtype="float16", more="")),
            "float16 and leaves it as float32",
            line=12,
        ),
        Bad("under-a-flag", _FLAGS, "as float32 for float16 inputs", line=15),
        Bad(
            "int-accumulator",
            in_kernel("total = 0\nfor k in range(0, n):\n    total += tl.load(x_ptr + k).to(tl.float32)"),
            "`total` enters the loop as int32",
            line=11,
        ),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Report the loops that some launch makes clash."""
        for clash, where in met(file, Clash, lambda event: True):
            yield Report(
                clash.node,
                f"`{clash.name}` enters the loop as {word(clash.before)} and leaves it as {word(clash.after)}{where}; "
                "Triton does not compile that",
            )
