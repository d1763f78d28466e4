"""TW507."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.facts import under_constexpr
from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_kernel
from tilewright.lint.tree import walk
from tilewright.records.finding import Severity

_KINDS: dict[type[cst.CSTNode], str] = {
    cst.Try: "`try`", cst.Raise: "`raise`", cst.Break: "`break`", cst.Continue: "`continue`", cst.Lambda: "`lambda`",
    cst.Yield: "`yield`", cst.ClassDef: "`class`", cst.Import: "`import`", cst.ImportFrom: "`import`",
    cst.Global: "`global`", cst.Nonlocal: "`nonlocal`", cst.Del: "`del`", cst.Dict: "a dictionary", cst.Set: "a set",
    cst.DictComp: "a comprehension", cst.SetComp: "a comprehension", cst.GeneratorExp: "a generator",
}  # fmt: skip


class UnsupportedStatement(Rule):
    """Triton compiles a part of Python: ``try``, ``break``, ``continue``, ``raise``, ``lambda``, dictionaries and the
    like are not in it, and stop the compilation.
    """

    code = "TW507"
    name = "unsupported-statement"
    severity = Severity.ERROR
    examples = (
        Good("loop-and-branch", in_kernel("for i in range(n):\n    if i > 2:\n        tl.store(x_ptr, i)")),
        Good("early-return", in_kernel("if n == 0:\n    return\ntl.store(x_ptr, 1)")),
        Good("while", in_kernel("i = 0\nwhile i < n:\n    i += 1")),
        Good("left-out-by-a-constexpr", in_kernel("if BLOCK < 16:\n    raise ValueError('too small')")),
        Bad("try", in_kernel("try:\n    pass\nexcept ValueError:\n    pass"), "`try`", line=9),
        Bad("break", in_kernel("while True:\n    break"), "`break`", line=10),
        Bad("dictionary", in_kernel("table = {1: 2}"), "a dictionary", line=9),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look for node types that Triton's code generator has no visitor for."""
        for kernel in file.kernels.values():
            for node in walk(kernel.node.body):
                kind = _KINDS.get(type(node))
                if kind is not None and not under_constexpr(file, kernel, node):
                    yield Report(node, f"{kind} in a kernel; Triton does not compile that")
