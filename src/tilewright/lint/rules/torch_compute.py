"""TW702."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.facts import functions_reached
from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_wrapper
from tilewright.lint.tree import walk
from tilewright.records.finding import Severity

_COMPUTE = frozenset(
    {"matmul", "mm", "bmm", "addmm", "baddbmm", "einsum", "softmax", "log_softmax", "relu", "gelu", "silu", "sigmoid"}
    | {"tanh", "linear", "conv1d", "conv2d", "conv3d", "conv_transpose2d", "layer_norm", "group_norm", "batch_norm"}
    | {"scaled_dot_product_attention", "leaky_relu", "hardtanh", "max_pool2d", "avg_pool2d", "cross_entropy", "cumsum"}
)
_MODEL = "\n\nclass ModelNew(nn.Module):\n    def forward(self, x):\n        return {}\n"
_FILE = in_wrapper("kernel[(1,)](x, x, 1, BLOCK=16)\nreturn x")


class TorchCompute(Rule):
    """Work that stays in PyTorch beside a kernel is launched apart, reads and writes memory once more, and is not
    optimized with it; fuse it or leave the whole to PyTorch.
    """

    code = "TW702"
    name = "torch-compute"
    severity = Severity.WARNING
    examples = (
        Good("kernel-only", _FILE + _MODEL.format("run(x)")),
        Good("allocation", _FILE.replace("return x", "return torch.empty_like(x)") + _MODEL.format("run(x)")),
        Good("in-the-constructor", _FILE + _MODEL.format("run(x)").replace("forward(self", "__init__(self")),
        Bad("relu-after", _FILE + _MODEL.format("torch.relu(run(x))"), "`torch.relu`", line=20),
        Bad("matmul-operator", _FILE + _MODEL.format("run(x @ x)"), "`@`", line=20),
    )

    def guard(self, file: FileModel) -> str | None:
        """Without a launch there is nothing to be beside."""
        return None if file.launches else "no launch in the file"

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look at the functions that ModelNew runs, its constructor apart."""
        for function in functions_reached(file):
            if function.name.value == "__init__":
                continue
            for node in walk(function.body):
                if isinstance(node, cst.Call):
                    full = file.resolve(node.func)
                    if full.startswith("torch.") and full.rpartition(".")[2] in _COMPUTE:
                        yield Report(node, f"`{file.tree.code(node.func)}` runs in PyTorch beside the kernel; fuse it")
                elif isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.MatrixMultiply):
                    yield Report(node, "`@` runs in PyTorch beside the kernel; fuse it")
