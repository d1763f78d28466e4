"""TW307."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule
from tilewright.lint.samples import autotuned
from tilewright.records.finding import Severity


class EmptyConfigs(Rule):
    """An autotuner with no configs silently uses one with Triton's defaults and no block sizes."""

    code = "TW307"
    name = "empty-configs"
    severity = Severity.ERROR
    examples = (
        Good("one-config", autotuned("triton.Config({'BLOCK': 64})")),
        Good(
            "configs-from-a-call",
            autotuned("triton.Config({'BLOCK': 64})").replace("[triton.Config({'BLOCK': 64})]", "make()"),
        ),
        Bad("empty-list", autotuned("", passed=", BLOCK=64"), "no configs", line=7),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look for a list that is written out and empty."""
        for kernel in file.kernels.values():
            if kernel.autotune is not None and kernel.autotune.configs == ():
                yield Report(kernel.autotune.node, "the autotuner has no configs; give it some or remove it")
