"""TW510."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_wrapper
from tilewright.lint.tree import dotted, walk
from tilewright.records.finding import Severity


class LaunchWithoutGrid(Rule):
    """A jitted function called from the host needs a grid: ``kernel[grid](…)``; ``kernel(…)`` raises at once."""

    code = "TW510"
    name = "launch-without-grid"
    severity = Severity.ERROR
    examples = (
        Good("with-grid", in_wrapper("kernel[(1,)](x, x, 1, BLOCK=16)")),
        Bad("without", in_wrapper("kernel(x, x, 1, BLOCK=16)"), "`kernel[grid](…)`", line=14),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look at direct calls of kernels in host functions."""
        for function in file.host_functions:
            for node in walk(function.body):
                if isinstance(node, cst.Call) and dotted(node.func) in file.kernels:
                    name = dotted(node.func)
                    yield Report(node, f"`{name}` is launched without a grid; write `{name}[grid](…)`")
