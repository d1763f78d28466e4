"""TW809."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule
from tilewright.lint.tree import dotted
from tilewright.records.finding import Severity

_BASES = frozenset({"Tensor", "Parameter", "Buffer", "TorchFunctionMode", "TorchDispatchMode", "UntypedStorage"})
_METHODS = frozenset({"__torch_function__", "__torch_dispatch__", "__tensor_flatten__"})
_MAKERS = frozenset({"as_subclass", "_make_subclass", "_make_wrapper_subclass"})


class TensorSubclass(Rule):
    """A subclass of Tensor can put the work off until somebody looks, which is after the clock has stopped, or pass
    for equal when it is compared.
    """

    code = "TW809"
    name = "tensor-subclass"
    severity = Severity.ERROR
    examples = (
        Good("module", HEADER + "class ModelNew(nn.Module):\n    pass\n"),
        Good("parameter", HEADER + "def run(x):\n    return nn.Parameter(x)\n"),
        Good("function", HEADER + "class Op(torch.autograd.Function):\n    pass\n"),
        Bad("subclass", HEADER + "class Lazy(torch.Tensor):\n    pass\n", "`Lazy`", line=7),
        Bad("alias", HEADER + "from torch import Tensor as T\n\n\nclass Lazy(T):\n    pass\n", "`Lazy`", line=10),
        Bad(
            "dispatch",
            HEADER + "class Lazy:\n    def __torch_function__(self, *a):\n        return a\n",
            "`__torch_function__`",
            line=8,
        ),
        Bad("made", HEADER + "def run(x, c):\n    return x.as_subclass(c)\n", "`as_subclass`", line=8),
        Bad("type-call", HEADER + "Lazy = type('Lazy', (torch.Tensor,), {})\n", "`type`", line=7),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look at bases of classes, special methods and calls that make subclasses."""
        for node in file.tree.nodes:
            if isinstance(node, cst.ClassDef):
                if any(self._is_tensor(file, item.value) for item in node.bases):
                    yield Report(node, f"`{node.name.value}` is a subclass of Tensor; return plain tensors")
            elif isinstance(node, cst.FunctionDef) and node.name.value in _METHODS:
                yield Report(node, f"`{node.name.value}` changes what PyTorch's functions do; return plain tensors")
            elif isinstance(node, cst.Call):
                name = dotted(node.func).rpartition(".")[2]
                made = name == "type" and len(node.args) == 3 and isinstance(node.args[1].value, cst.Tuple)
                if made or (isinstance(node.func, cst.Attribute) and node.func.attr.value in _MAKERS):
                    shown = name or node.func.attr.value if isinstance(node.func, cst.Attribute) else name
                    yield Report(node, f"`{shown}` makes a class or tensor of another type; return plain tensors")

    @staticmethod
    def _is_tensor(file: FileModel, base: cst.BaseExpression) -> bool:
        full = file.resolve(base)
        return full.startswith("torch.") and full.rpartition(".")[2] in _BASES
