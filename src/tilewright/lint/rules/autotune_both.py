"""TW301."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.lint.facts import is_block, varying
from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule
from tilewright.lint.samples import autotuned
from tilewright.records.finding import Severity

_BLOCKS = "triton.Config({'BLOCK': 64}, num_warps=4), triton.Config({'BLOCK': 128}, num_warps=4)"
_WARPS = "triton.Config({'BLOCK': 64}, num_warps=4), triton.Config({'BLOCK': 64}, num_warps=8)"
_BOTH = "triton.Config({'BLOCK': 64}, num_warps=4), triton.Config({'BLOCK': 128}, num_warps=8)"


class AutotuneBoth(Rule):
    """Tune either block sizes or warps and stages: lists that vary both grow as a product, take minutes on the first
    call, and hide which of the two made the difference.
    """

    code = "TW301"
    name = "autotune-both"
    severity = Severity.WARNING
    examples = (
        Good("blocks-only", autotuned(_BLOCKS)),
        Good("warps-only", autotuned(_WARPS)),
        Good("one-config", autotuned("triton.Config({'BLOCK': 64}, num_warps=8)")),
        Good(
            "default-written-out", autotuned("triton.Config({'BLOCK': 64}), triton.Config({'BLOCK': 128}, num_warps=4)")
        ),
        Bad("both-vary", autotuned(_BOTH), "BLOCK and num_warps both vary", line=7),
        Bad(
            "stages-vary", autotuned(_BOTH.replace("num_warps", "num_stages")), "BLOCK and num_stages both vary", line=7
        ),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Compare the configs of each autotuner with each other."""
        for kernel in file.kernels.values():
            if kernel.autotune is None or not kernel.autotune.configs:
                continue
            values, options = varying(file, kernel.autotune.configs)
            blocks = sorted(name for name in values if is_block(name))
            if blocks and options:
                what = f"{', '.join(blocks)} and {', '.join(sorted(options))} both vary"
                yield Report(kernel.autotune.node, f"{what} over the configs; tune one of the two groups")
