"""TW701."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule
from tilewright.lint.tree import dotted, statements, walk
from tilewright.records.finding import Severity

_KERNEL = "@triton.jit\ndef kernel(x_ptr, stride_m, stride_n=1):\n    tl.load(x_ptr + tl.program_id(0) * stride_m)\n"


def _file(before: str, stride: str) -> str:
    run = f"def run(x):\n{before}    rows, columns = x.shape\n    kernel[(rows,)](x, {stride})\n"
    return f"{HEADER}{_KERNEL}\n\n{run}"


_COPY = "    x = x.contiguous()\n"
_BOTH = "x.stride(0), x.stride(1)"


class NeedlessContiguous(Rule):
    """A kernel that takes every stride of a tensor reads a transposed or sliced one as it lies; ``.contiguous()``
    before the launch copies it through memory once more.
    """

    code = "TW701"
    name = "needless-contiguous"
    severity = Severity.WARNING
    examples = (
        Good("no-copy", _file("", _BOTH)),
        Good("no-strides-passed", _file(_COPY, "columns")),
        Good("last-stride-taken-for-1", _file(_COPY, "x.stride(0)")),
        Good("under-a-condition", _file("    if x.stride(-1) != 1:\n    " + _COPY, _BOTH)),
        Bad("copy-and-strides", _file(_COPY, _BOTH), "`x` is copied by .contiguous()", line=13),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Find tensors that are copied first and passed with their strides after."""
        for site in file.launches:
            passed = {file.tree.code(item).replace(" ", "") for item in site.arguments.values()}
            for node in statements(site.function.body) if site.function is not None else ():
                name = _copied(node)
                strides = [item for item in passed if item.startswith(f"{name}.stride(")]
                if name and self._is_input(site.function, name) and len(strides) == _rank(site.function, name):
                    what = f"`{name}` is copied by .contiguous() though the kernel takes its strides"
                    yield Report(node, f"{what}; pass it as it is")

    def _is_input(self, function: cst.FunctionDef | None, name: str) -> bool:
        return function is not None and any(item.name.value == name for item in function.params.params)


def _rank(function: cst.FunctionDef | None, name: str) -> int | None:
    """Return how many sizes ``name.shape`` is unpacked into; ``None`` where nothing tells."""
    for node in statements(function.body) if function is not None else ():
        if isinstance(node, cst.Assign) and dotted(node.value) == f"{name}.shape":
            target = node.targets[0].target
            if isinstance(target, cst.Tuple):
                return len(target.elements)
    return None


def _copied(node: cst.CSTNode) -> str:
    """Return ``x`` for the statement ``x = x.contiguous()``."""
    if not isinstance(node, cst.Assign) or not isinstance(node.value, cst.Call) or len(node.targets) != 1:
        return ""
    name = dotted(node.targets[0].target)
    calls = [item for item in walk(node.value) if isinstance(item, cst.Call)]
    return name if len(calls) == 1 and dotted(node.value.func) == f"{name}.contiguous" else ""
