"""TW103."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule
from tilewright.records.finding import Severity

_FORWARD = "    def forward(self, x):\n        return x\n"


class ModelNewShape(Rule):
    """The harness builds ``ModelNew`` and calls it, so the file must have that class, as an ``nn.Module`` with a
    ``forward``.
    """

    code = "TW103"
    name = "model-new-shape"
    severity = Severity.ERROR
    examples = (
        Good("module-with-forward", HEADER + "class ModelNew(nn.Module):\n" + _FORWARD),
        Good("torch-nn-module", HEADER + "class ModelNew(torch.nn.Module):\n" + _FORWARD),
        Good(
            "base-in-the-file", HEADER + "class Base(nn.Module):\n" + _FORWARD + "\nclass ModelNew(Base):\n    pass\n"
        ),
        Bad("no-model", HEADER + "def run(x):\n    return x\n", "no `class ModelNew(nn.Module)`"),
        Bad("plain-class", HEADER + "class ModelNew:\n" + _FORWARD, "is no `nn.Module`", line=7),
        Bad("no-forward", HEADER + "class ModelNew(nn.Module):\n    pass\n", "has no `forward`", line=7),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look at the class, its bases and its methods."""
        node = file.model_new
        if node is None:
            yield Report(file.tree.module, "no `class ModelNew(nn.Module)` in the file; add it as the last part")
            return
        bases = [file.resolve(item.value) for item in node.bases]
        inherited = any(name in file.classes for name in bases)
        if not inherited and not any(
            name == "torch.nn.Module" or name.startswith("torch.nn.modules.") for name in bases
        ):
            yield Report(node, "`ModelNew` is no `nn.Module`; write `class ModelNew(nn.Module)`")
        if not inherited and "forward" not in file.methods(node):
            yield Report(node, "`ModelNew` has no `forward`; the harness calls it")
