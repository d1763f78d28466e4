"""TW304."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule
from tilewright.lint.samples import autotuned
from tilewright.records.finding import Severity

_ONE = "triton.Config({'BLOCK': 64})"


class AutotuneKeyUnknown(Rule):
    """``key`` names the arguments whose values select a config; a name that the kernel does not have is ignored, so
    one config chosen for the first shape is used for all others.
    """

    code = "TW304"
    name = "autotune-key-unknown"
    severity = Severity.ERROR
    examples = (
        Good("argument", autotuned(_ONE)),
        Good("no-key", autotuned(_ONE, key="[]")),
        Bad("typo", autotuned(_ONE, key='["n_elements"]'), "`n_elements` is no argument", line=7),
        Bad("second-is-wrong", autotuned(_ONE, key='["n", "M"]'), "`M` is no argument"),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Compare the key with the kernel's parameters."""
        for kernel in file.kernels.values():
            for name in (kernel.autotune.keys or ()) if kernel.autotune else ():
                if kernel.autotune and name not in kernel.names:
                    yield Report(kernel.autotune.node, f"key `{name}` is no argument of `{kernel.name}`; it is ignored")
