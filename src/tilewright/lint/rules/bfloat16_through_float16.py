"""TW602."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.lint.events import Cast
from tilewright.lint.evidence import met
from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule
from tilewright.records.finding import Severity


def _file(flag: str, cast: str = "tl.float16", before: str = "") -> str:
    return f"""{HEADER}@triton.jit
def kernel(x_ptr, y_ptr, HALF: tl.constexpr):
    x = tl.load(x_ptr + tl.arange(0, 16))
    if HALF:
        x = x.to({cast})
    tl.store(y_ptr + tl.arange(0, 16), x)


def run(x):
{before}    y = torch.empty_like(x)
    kernel[(1,)](x, y, HALF={flag})
"""


class Bfloat16ThroughFloat16(Rule):
    """bfloat16 reaches 3e38 and float16 only 65504: a bfloat16 value that passes through float16 can become infinite
    or vanish, and tensor cores take bfloat16 as it is.
    """

    code = "TW602"
    name = "bfloat16-through-float16"
    severity = Severity.ERROR
    examples = (
        Good("float16-only", _file("x.dtype == torch.float16")),
        Good("to-float32", _file("x.dtype in (torch.float16, torch.bfloat16)", cast="tl.float32")),
        Good("refused-by-assert", _file("True", before="    assert x.dtype != torch.bfloat16\n")),
        Good("never-mentioned", _file("True")),
        Bad(
            "both-halves",
            _file("x.dtype in [torch.float16, torch.bfloat16]"),
            "bfloat16 data is narrowed to float16",
            line=11,
        ),
        Bad(
            "not-float32",
            _file("x.dtype != torch.float32", before="    half = torch.bfloat16\n"),
            "narrowed to float16",
            line=11,
        ),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Report casts to float16 that loaded bfloat16 data reaches."""
        for cast, _ in met(
            file, Cast, lambda event: event.target == "fp16" and event.source.loaded and event.source.dtype == "bf16"
        ):
            yield Report(
                cast.node, "bfloat16 data is narrowed to float16: values above 65504 become infinite; keep bfloat16"
            )
