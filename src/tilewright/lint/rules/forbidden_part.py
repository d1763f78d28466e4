"""TW102."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule
from tilewright.lint.tree import dotted, walk
from tilewright.records.finding import Severity

_FUNCTIONS = ("get_inputs", "get_init_inputs")


class ForbiddenPart(Rule):
    """A kernel file is loaded next to the reference by a harness that brings its own inputs and tests, so testing
    code, ``if __name__``, ``get_inputs``, ``get_init_inputs`` and a second ``class Model`` must not be in it.
    """

    code = "TW102"
    name = "forbidden-part"
    severity = Severity.ERROR
    examples = (
        Good("model-new-alone", HEADER + "class ModelNew(nn.Module):\n    pass\n"),
        Good(
            "method-of-that-name", HEADER + "class ModelNew(nn.Module):\n    def get_inputs(self):\n        return []\n"
        ),
        Bad("main-block", HEADER + "if __name__ == '__main__':\n    pass\n", "`if __name__`", line=7),
        Bad("get-inputs", HEADER + "def get_inputs():\n    return []\n", "`get_inputs`", line=7),
        Bad("reference-model", HEADER + "class Model(nn.Module):\n    pass\n", "`class Model`", line=7),
        Bad("test-function", HEADER + "def test_kernel():\n    assert True\n", "testing code", line=7),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Report each forbidden part at the top level, and every use of ``torch.testing``."""
        for node in file.top:
            what = ""
            if isinstance(node, cst.If) and any(dotted(item) == "__name__" for item in walk(node.test)):
                what = "`if __name__`"
            elif isinstance(node, cst.FunctionDef) and node.name.value in _FUNCTIONS:
                what = f"`{node.name.value}`"
            elif isinstance(node, cst.FunctionDef) and node.name.value.startswith("test_"):
                what = f"testing code (`{node.name.value}`)"
            elif isinstance(node, cst.ClassDef) and node.name.value == "Model":
                what = "`class Model` (the reference)"
            if what:
                yield Report(node, f"{what} does not belong in a kernel file; remove it")
        for node in file.tree.nodes:
            if isinstance(node, cst.Call) and file.resolve(node.func).startswith("torch.testing."):
                yield Report(node, f"testing code (`{dotted(node.func)}`) does not belong in a kernel file; remove it")
