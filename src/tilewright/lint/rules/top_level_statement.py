"""TW107."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule
from tilewright.lint.tree import dotted, walk
from tilewright.records.finding import Severity


class TopLevelStatement(Rule):
    """Importing a kernel file must only define things: a statement that runs, or a ``print``, costs time in every
    process that loads the file and mixes its output with the harness's.
    """

    code = "TW107"
    name = "top-level-statement"
    severity = Severity.ERROR
    examples = (
        Good("constant", HEADER + "BLOCK = 128\n"),
        Good("docstring", '"""Words."""\n' + HEADER),
        Good("optional-import", HEADER + "try:\n    import math\nexcept ImportError:\n    math = None\n"),
        Bad("call", HEADER + "torch.manual_seed(0)\n", "runs when the file is imported", line=7),
        Bad("loop", HEADER + "for i in range(3):\n    i\n", "runs when the file is imported", line=7),
        Bad("print-in-wrapper", HEADER + "def run(x):\n    print(x)\n", "`print`", line=8),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Report running statements at the top level and ``print`` in host functions."""
        for node in file.top:
            expression = isinstance(node, cst.Expr) and not isinstance(
                node.value, (cst.SimpleString, cst.ConcatenatedString)
            )
            if expression or isinstance(node, (cst.For, cst.While, cst.With)):
                yield Report(node, "this statement runs when the file is imported; define functions only")
        for function in file.host_functions:
            for node in walk(function):
                if isinstance(node, cst.Call) and dotted(node.func) == "print":
                    yield Report(node, "`print` in a function that is timed; remove it")
