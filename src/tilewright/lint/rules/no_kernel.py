"""TW108."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule, in_kernel
from tilewright.records.finding import Severity


class NoKernel(Rule):
    """A kernel file without a ``@triton.jit`` function has nothing to optimize and does not keep the contract."""

    code = "TW108"
    name = "no-kernel"
    severity = Severity.ERROR
    examples = (
        Good("one-kernel", in_kernel("pass")),
        Good("jit-with-arguments", HEADER + "@triton.jit(do_not_specialize=['n'])\ndef k(n):\n    pass\n"),
        Bad("only-torch", HEADER + "def run(x):\n    return torch.relu(x)\n", "no function under `@triton.jit`"),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Ask the model."""
        if not file.kernels:
            yield Report(file.tree.module, "no function under `@triton.jit` in the file")
