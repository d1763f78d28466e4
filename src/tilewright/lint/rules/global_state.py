"""TW803."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule
from tilewright.lint.tree import dotted
from tilewright.records.finding import Severity

_ROOTS = ("torch", "triton", "time", "builtins", "math")
_SETTERS = frozenset(
    {"torch.set_float32_matmul_precision", "torch.set_default_dtype", "torch.set_default_device"}
    | {"torch.use_deterministic_algorithms", "torch.manual_seed", "torch.set_default_tensor_type"}
)


class GlobalState(Rule):
    """Setting an attribute of torch, triton or time, or a global switch of PyTorch, changes the reference and the clock
    as well as the kernel, so neither the comparison nor the timing means anything.
    """

    code = "TW803"
    name = "global-state"
    severity = Severity.ERROR
    examples = (
        Good("own-attribute", HEADER + "class ModelNew(nn.Module):\n    def __init__(self):\n        self.size = 3\n"),
        Good("read-only", HEADER + "def run(x):\n    return torch.backends.cuda.matmul.allow_tf32\n"),
        Good("function-attribute", HEADER + "def run(x):\n    pass\n\nrun.cache = None\n"),
        Bad(
            "tf32-switch",
            HEADER + "torch.backends.cuda.matmul.allow_tf32 = True\n",
            "`torch.backends.cuda.matmul.allow_tf32` is set",
            line=7,
        ),
        Bad("patched-function", HEADER + "def run(x):\n    torch.matmul = run\n", "`torch.matmul` is set", line=8),
        Bad("setattr", HEADER + "def run(x):\n    setattr(torch, 'mm', run)\n", "`setattr` on `torch`", line=8),
        Bad(
            "precision",
            HEADER + "def run(x):\n    torch.set_float32_matmul_precision('high')\n",
            "changes PyTorch for everyone",
            line=8,
        ),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look at assignments to attributes of modules and calls of global switches."""
        for node in file.tree.nodes:
            if isinstance(node, (cst.AssignTarget, cst.AugAssign, cst.AnnAssign)) and isinstance(
                node.target, cst.Attribute
            ):
                if self._is_foreign(file, node.target):
                    yield Report(node.target, f"`{dotted(node.target)}` is set; leave other modules as they are")
            elif isinstance(node, cst.Call):
                if dotted(node.func) == "setattr" and node.args and self._is_foreign(file, node.args[0].value):
                    yield Report(node, f"`setattr` on `{dotted(node.args[0].value)}`; leave other modules as they are")
                elif file.resolve(node.func) in _SETTERS:
                    yield Report(node, f"`{dotted(node.func)}` changes PyTorch for everyone; leave it")

    def _is_foreign(self, file: FileModel, node: cst.BaseExpression) -> bool:
        """Tell whether a name starts at an imported module and not at a local object."""
        return dotted(node).split(".")[0] in file.aliases and file.resolve(node).split(".")[0] in _ROOTS
