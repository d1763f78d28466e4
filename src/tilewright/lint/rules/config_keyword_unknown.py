"""TW305."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule
from tilewright.lint.samples import autotuned
from tilewright.records.finding import Severity


class ConfigKeywordUnknown(Rule):
    """A config may set ``tl.constexpr`` parameters of its kernel only: an unknown name fails at the launch, and warps
    or stages inside the dictionary are taken for parameters.
    """

    code = "TW305"
    name = "config-keyword-unknown"
    severity = Severity.ERROR
    examples = (
        Good("constexpr", autotuned("triton.Config({'BLOCK': 64})")),
        Bad("typo", autotuned("triton.Config({'BLOCK': 64, 'BLOCK_N': 8})"), "`BLOCK_N` is no parameter", line=8),
        Bad(
            "run-time-parameter",
            autotuned("triton.Config({'BLOCK': 64, 'n': 8})", key="[]", passed=""),
            "`n` is not `tl.constexpr`",
        ),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Compare each config with the kernel's parameters."""
        for kernel in file.kernels.values():
            for config in (kernel.autotune.configs or ()) if kernel.autotune else ():
                for name in config.values:
                    if name in ("num_warps", "num_stages", "num_ctas", "maxnreg") and name not in kernel.names:
                        yield Report(
                            config.node, f"`{name}` is no parameter of `{kernel.name}`; pass it to Config itself"
                        )
                    elif name not in kernel.names:
                        yield Report(config.node, f"`{name}` is no parameter of `{kernel.name}`")
                    elif name not in kernel.constexprs:
                        yield Report(config.node, f"`{name}` is not `tl.constexpr` in `{kernel.name}`; annotate it")
