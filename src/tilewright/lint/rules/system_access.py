"""TW807."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule
from tilewright.lint.tree import dotted
from tilewright.records.finding import Severity

_CALLED = frozenset({"open", "eval", "exec", "compile", "__import__", "globals"})
"""Builtins whose calls TW804 reports; here they count where they are passed on under another name."""
_NAMES = frozenset({"__builtins__", "__loader__", "__spec__", "breakpoint", "input", "vars", "locals"})
_MODULES = frozenset({"sys", "os", "gc", "inspect", "importlib", "builtins", "io", "pathlib", "ctypes", "pickle"})
_TORCH = (
    *("torch.ops.load_library", "torch.classes.load_library", "torch.utils.cpp_extension", "torch.hub"),
    *("torch.multiprocessing", "torch.distributed", "torch.jit.load", "torch.jit.save", "torch.from_file"),
    *("torch.UntypedStorage.from_file", "torch.serialization", "torch.package", "torch.cuda.jiterator"),
    *("torch.utils.data", "torch.utils.model_zoo", "torch.export.load", "torch.cuda._compile_kernel"),
)


class SystemAccess(Rule):
    """Files, processes, other languages and the interpreter's own tables are ways around a kernel: a stored result, a
    compiled library, a function under another name. A kernel file computes from its arguments alone.
    """

    code = "TW807"
    name = "system-access"
    severity = Severity.ERROR
    examples = (
        Good("own-function", HEADER + "def run(input, compile):\n    return compile(input)\n"),
        Good("literal-attribute", HEADER + "def run(x):\n    return x.to(getattr(torch, 'float16'))\n"),
        Good("torch-compile", HEADER + "def run(f):\n    return torch.compile(f)\n"),
        Bad("alias", HEADER + "def run(x):\n    read = open\n    return read\n", "`open`", line=8),
        Bad("builtins", HEADER + "def run(x):\n    return __builtins__\n", "`__builtins__`", line=8),
        Bad("environment", "import os\n" + HEADER + "def run(x):\n    return os.environ\n", "`os.environ`", line=9),
        Bad("library", HEADER + "torch.ops.load_library('x.so')\n", "`torch.ops.load_library`", line=7),
        Bad(
            "extension",
            HEADER + "from torch.utils.cpp_extension import load_inline\n",
            "`torch.utils.cpp_extension`",
            line=7,
        ),
        Bad("hidden-name", HEADER + "def run(x):\n    return getattr(torch, 'lo' + 'ad')\n", "`getattr`", line=8),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look at every name, attribute and import."""
        for node in file.tree.nodes:
            if isinstance(node, cst.Name):
                if self._is_read(file, node) and not self._is_bound(file, node):
                    yield Report(node, self._message(node.value))
            elif isinstance(node, cst.Attribute):
                yield from self._attribute(file, node)
            elif isinstance(node, cst.ImportFrom) and node.module is not None:
                full = dotted(node.module)
                if full.startswith(_TORCH):
                    yield Report(node, self._message(full))
            elif isinstance(node, cst.Import):
                for item in node.names:
                    if dotted(item.name).startswith(_TORCH):
                        yield Report(node, self._message(dotted(item.name)))
            elif isinstance(node, cst.Call) and dotted(node.func) == "getattr" and len(node.args) > 1:
                hidden = isinstance(
                    node.args[1].value, (cst.BinaryOperation, cst.FormattedString, cst.Call, cst.Subscript)
                )
                if hidden and dotted(node.args[0].value).split(".")[0] in file.aliases:
                    yield Report(node, "`getattr` of an imported module with a name that is put together; write it out")

    @staticmethod
    def _message(name: str) -> str:
        return f"`{name}` reaches outside the kernel file; remove it"

    def _attribute(self, file: FileModel, node: cst.Attribute) -> Iterator[Report]:
        parent = file.tree.parents[node]
        if isinstance(parent, (cst.Attribute, cst.ImportAlias, cst.ImportFrom)) and not isinstance(parent, cst.Call):
            return
        head, full = dotted(node).split(".")[0], file.resolve(node)
        if head not in file.aliases:
            return
        called = isinstance(parent, cst.Call) and parent.func is node
        if (full.split(".")[0] in _MODULES and not called) or full.startswith(_TORCH):
            yield Report(node, self._message(dotted(node)))

    @staticmethod
    def _is_read(file: FileModel, node: cst.Name) -> bool:
        """Tell whether a name is looked up, and not a keyword, an attribute, a parameter or an import."""
        if node.value not in _CALLED | _NAMES:
            return False
        parent = file.tree.parents[node]
        if isinstance(parent, cst.Call) and parent.func is node and node.value in _CALLED:
            return False
        if isinstance(parent, cst.Attribute):
            return parent.value is node
        if isinstance(parent, cst.Arg):
            return parent.value is node
        return not isinstance(parent, (cst.Param, cst.FunctionDef, cst.ClassDef, cst.ImportAlias, cst.AsName))

    @staticmethod
    def _is_bound(file: FileModel, node: cst.Name) -> bool:
        function = file.tree.function_of(node)
        return bool(file.assignments(node.value, function)) or node.value in file.functions
