"""TW101."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_wrapper
from tilewright.lint.tree import walk
from tilewright.records.finding import Severity

_KINDS = ("an import", "a kernel", "a wrapper", "ModelNew")
_FILE = in_wrapper("kernel[(1,)](x, x, 1, BLOCK=16)")


class OutputOrder(Rule):
    """The output contract fixes the order imports, kernels, wrappers, ModelNew, so that tools that splice
    files and people who compare them find each part where they expect it.
    """

    code = "TW101"
    name = "output-order"
    severity = Severity.ERROR
    examples = (
        Good("in-order", _FILE + "\n\nclass ModelNew(nn.Module):\n    pass\n"),
        Good("constant-between", _FILE.replace("@triton.jit", "SIZE = 16\n\n\n@triton.jit")),
        Good(
            "function-that-a-decorator-needs",
            "import triton\n\ndef configs():\n    return []\n\n@triton.autotune(configs(), key=[])\n"
            "@triton.jit\ndef k(x):\n    pass\n",
        ),
        Bad("import-last", _FILE + "\n\nimport math\n", "an import stands after a wrapper", line=17),
        Bad(
            "kernel-after-wrapper",
            "import triton\n\ndef run(x):\n    k[(1,)](x)\n\n@triton.jit\ndef k(x):\n    pass\n",
            "a kernel stands after a wrapper",
            line=7,
        ),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Report every statement that stands after one of a later kind."""
        needed = {
            name.value
            for kernel in file.kernels.values()
            for item in kernel.node.decorators
            for name in walk(item)
            if isinstance(name, cst.Name)
        }
        highest = 0
        for node in file.top:
            kind = _kind(file, node, needed)
            if kind is None:
                continue
            if kind < highest:
                yield Report(
                    node, f"{_KINDS[kind]} stands after {_KINDS[highest]}; order: imports, kernels, wrappers, ModelNew"
                )
            highest = max(highest, kind)


def _kind(file: FileModel, node: cst.CSTNode, needed: set[str]) -> int | None:
    if isinstance(node, (cst.Import, cst.ImportFrom)):
        return 0
    if isinstance(node, cst.FunctionDef):
        if node.name.value in file.kernels:
            return 1
        return None if node.name.value in needed else 2
    if isinstance(node, cst.ClassDef):
        return 3 if node.name.value == "ModelNew" else None
    return None
