"""TW804."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule
from tilewright.lint.tree import dotted
from tilewright.records.finding import Severity

_BUILTINS = frozenset({"open", "eval", "exec", "compile", "__import__", "globals"})
_MODULES = frozenset(
    {"inspect", "sys", "os", "gc", "importlib", "subprocess", "pathlib", "shutil", "ctypes", "pickle", "io"}
)


class Introspection(Rule):
    """Files, frames, the garbage collector and ``eval`` give a kernel file sight of the harness around it: the
    expected result, the seed, the clock. Nothing in a kernel needs them.
    """

    code = "TW804"
    name = "introspection"
    severity = Severity.ERROR
    examples = (
        Good("compute", HEADER + "def run(x):\n    return torch.empty_like(x)\n"),
        Good("model-eval", HEADER + "def run(model):\n    return model.eval()\n"),
        Good("torch-compile", HEADER + "def run(f):\n    return torch.compile(f)\n"),
        Bad("open", HEADER + "def run(x):\n    return open('result.pt')\n", "`open`", line=8),
        Bad(
            "frames",
            "import inspect\n" + HEADER + "def run(x):\n    return inspect.currentframe()\n",
            "`inspect.currentframe`",
            line=9,
        ),
        Bad("load", HEADER + "def run(x):\n    return torch.load('result.pt')\n", "`torch.load`", line=8),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look at every call."""
        for node in file.tree.nodes:
            if isinstance(node, cst.Call):
                name, full = dotted(node.func), file.resolve(node.func)
                module = "." in full and full.split(".")[0] in _MODULES and name.split(".")[0] in file.aliases
                if name in _BUILTINS or module or full in ("torch.load", "torch.save"):
                    yield Report(node, f"`{name}` looks outside the kernel file; remove it")
