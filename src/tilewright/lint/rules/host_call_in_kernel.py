"""TW506."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.facts import under_constexpr
from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule, in_kernel
from tilewright.lint.tree import dotted, walk
from tilewright.records.finding import Severity

_HOST = ("torch", "numpy", "math", "random", "time", "os")
_BUILTINS = {"open": "no files"}
_METHODS = ("append", "extend", "item", "tolist", "numpy", "cpu")


class HostCallInKernel(Rule):
    """Inside ``@triton.jit`` only ``triton.language`` and other jitted functions exist: PyTorch, ``math`` and methods
    of Python lists run on the host and do not compile.
    """

    code = "TW506"
    name = "host-call-in-kernel"
    severity = Severity.ERROR
    examples = (
        Good("triton-only", in_kernel("x = tl.exp(tl.load(x_ptr))")),
        Good("triton-cdiv", in_kernel("x = triton.cdiv(BLOCK, 2)")),
        Good("on-the-host", HEADER + "def run(x):\n    return torch.exp(x)\n"),
        Bad("torch", in_kernel("x = torch.exp(tl.load(x_ptr))"), "`torch.exp` cannot run in a kernel", line=9),
        Bad(
            "math",
            HEADER.replace("import torch\n", "import math\nimport torch\n", 1)
            + "@triton.jit\ndef k(x):\n    tl.store(x, math.exp(tl.load(x)))\n",
            "`math.exp` cannot run",
            line=10,
        ),
        Good("print-is-device-print", in_kernel("print('x', n)")),
        Bad("append", in_kernel("parts.append(n)"), "`parts.append` cannot run", line=9),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look at every call in every kernel."""
        for kernel in file.kernels.values():
            for node in walk(kernel.node.body):
                if isinstance(node, cst.Call) and not under_constexpr(file, kernel, node):
                    name, full = dotted(node.func), file.resolve(node.func)
                    if "." in full and full.split(".")[0] in _HOST and name.split(".")[0] in file.aliases:
                        yield Report(node, f"`{name}` cannot run in a kernel; use triton.language")
                    elif name in _BUILTINS and name not in file.kernels:
                        yield Report(node, f"`{name}` cannot run in a kernel; use {_BUILTINS[name]}")
                    elif name.rpartition(".")[2] in _METHODS and "." in name and name.split(".")[0] not in file.aliases:
                        yield Report(node, f"`{name}` cannot run in a kernel")
