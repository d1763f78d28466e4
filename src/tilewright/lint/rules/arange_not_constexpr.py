"""TW403."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel, Kernel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_kernel
from tilewright.lint.tree import argument, assigned_names, walk
from tilewright.records.finding import Severity


class ArangeNotConstexpr(Rule):
    """The bounds of ``tl.arange`` shape the program and must be known when it compiles; an ordinary argument is not."""

    code = "TW403"
    name = "arange-not-constexpr"
    severity = Severity.ERROR
    examples = (
        Good("constexpr", in_kernel("offsets = tl.arange(0, BLOCK)")),
        Good("arithmetic", in_kernel("offsets = tl.arange(0, BLOCK // 2)")),
        Good("reassigned", in_kernel("n = BLOCK\noffsets = tl.arange(0, n)")),
        Bad("argument", in_kernel("offsets = tl.arange(0, n)"), "`n` is not `tl.constexpr`", line=9),
        Bad("inside-arithmetic", in_kernel("offsets = tl.arange(0, n * BLOCK)"), "`n` is not `tl.constexpr`", line=9),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look for run-time parameters in the bounds, in kernels that are launched or could be."""
        helpers = {item.name for kernel in file.kernels.values() for item in file.reached_kernels(kernel)[1:]}
        for kernel in file.kernels.values():
            if kernel.name not in helpers:
                yield from self._kernel(file, kernel)

    def _kernel(self, file: FileModel, kernel: Kernel) -> Iterator[Report]:
        tuned = (
            {name for config in (kernel.autotune.configs or ()) for name in config.values} if kernel.autotune else set()
        )
        runtime = set(kernel.names) - kernel.constexprs - assigned_names(kernel.node.body) - tuned
        for node in walk(kernel.node.body):
            if isinstance(node, cst.Call) and file.tl_name(node) == "arange":
                bounds = [argument(node, index, name) for index, name in enumerate(("start", "end"))]
                names = {item.value for bound in bounds if bound for item in walk(bound) if isinstance(item, cst.Name)}
                for name in sorted(names & runtime):
                    yield Report(node, f"`{name}` is not `tl.constexpr`; tl.arange needs bounds known at compile time")
