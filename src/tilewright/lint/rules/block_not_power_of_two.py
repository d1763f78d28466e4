"""TW401."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.lint.events import Range
from tilewright.lint.evidence import met
from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_kernel, in_wrapper
from tilewright.lint.samples import autotuned
from tilewright.records.finding import Severity

_ARANGE = "offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)"


class BlockNotPowerOfTwo(Rule):
    """``tl.arange`` compiles for a length that is a power of two only; pad with ``triton.next_power_of_2`` and mask."""

    code = "TW401"
    name = "block-not-power-of-two"
    severity = Severity.ERROR
    examples = (
        Good("power-of-two", in_wrapper("kernel[(1,)](x, x, 1, BLOCK=16)")),
        Good("unknown-size", in_wrapper("kernel[(1,)](x, x, 1, BLOCK=x.shape[0])")),
        Good("rounded-up", in_wrapper("kernel[(1,)](x, x, 1, BLOCK=triton.next_power_of_2(100))")),
        Good("not-from-zero", in_kernel("offsets = tl.arange(4, 8)")),
        Bad("passed-at-the-launch", in_wrapper("kernel[(1,)](x, x, 1, BLOCK=100)"), "100 elements", line=9),
        Bad("local-constant", in_wrapper("BLOCK = 3 * 16\nkernel[(1,)](x, x, 1, BLOCK=BLOCK)"), "48 elements", line=9),
        Bad("literal", in_kernel("offsets = tl.arange(0, 24)"), "24 elements", line=9),
        Bad("in-a-config", autotuned("triton.Config({'BLOCK': 96})", body=_ARANGE), "96 elements", line=13),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Report the ranges whose length is known and wrong."""
        for event, where in met(file, Range, lambda item: _wrong(item) is not None):
            yield Report(event.node, f"this range has {_wrong(event)} elements{where}; a power of two is needed")


def _wrong(event: Range) -> int | None:
    """Return the length if it is known and no power of two."""
    if not isinstance(event.start, int) or not isinstance(event.end, int):
        return None
    length = event.end - event.start
    return None if length > 0 and length & (length - 1) == 0 else length
