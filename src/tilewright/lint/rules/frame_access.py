"""TW808."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule
from tilewright.lint.tree import dotted, literal, walk
from tilewright.records.finding import Severity

_ATTRIBUTES = frozenset(
    {"__globals__", "__closure__", "__subclasses__", "__builtins__", "__getattribute__", "__mro__", "__bases__"}
    | {"f_back", "f_locals", "f_globals", "f_code", "gi_frame", "cr_frame", "ag_frame", "tb_frame", "tb_next"}
    | {"__traceback__", "cell_contents", "__self__", "__loader__", "_getframe"}
)
_PRIVATE = (
    *("torch._C", "torch._dynamo", "torch.utils._python_dispatch", "torch.overrides", "torch._subclasses"),
    *("torch.utils._pytree", "torch.library", "torch._ops", "torch.fx", "triton.runtime.interpreter", "triton.knobs"),
)
_CLOCKS = ("torch.cuda.Event", "torch.Event", "time", "torch.autograd.profiler", "torch.profiler", "torch.cuda.nvtx")


class FrameAccess(Rule):
    """Frames, closures, the inner parts of PyTorch and clocks let a file find out who is calling and answer
    differently, or slip past what watches it. A kernel needs none of them.
    """

    code = "TW808"
    name = "frame-access"
    severity = Severity.ERROR
    examples = (
        Good("own-class", HEADER + "def run(x):\n    return x.__class__.__name__\n"),
        Good("synchronise", HEADER + "def run(x):\n    torch.cuda.synchronize()\n"),
        Good("method-name", HEADER + "class Timer:\n    def time(self):\n        return self.time\n"),
        Bad("globals", HEADER + "def run(x):\n    return run.__globals__\n", "`__globals__`", line=8),
        Bad("subclasses", HEADER + "def run(x):\n    return object.__subclasses__()\n", "`__subclasses__`", line=8),
        Bad("frame", HEADER + "def run(e):\n    return e.tb_frame.f_back\n", "`tb_frame`", line=8),
        Bad("by-name", HEADER + "def run(x):\n    return getattr(run, '__closure__')\n", "`__closure__`", line=8),
        Bad("inner-part", HEADER + "def run(x):\n    torch._C._set_x(1)\n", "`torch._C._set_x`", line=8),
        Bad("event", HEADER + "def run(x):\n    return torch.cuda.Event()\n", "a clock", line=8),
        Bad("clock", "import time\n" + HEADER + "def run(x):\n    return time.perf_counter()\n", "a clock", line=9),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look at attributes, at strings given to getattr, and at imports of inner parts."""
        for node in file.tree.nodes:
            if isinstance(node, cst.Attribute):
                yield from self._attribute(file, node)
            elif isinstance(node, cst.ImportFrom) and node.module is not None:
                names = [] if isinstance(node.names, cst.ImportStar) else node.names
                full = [f"{dotted(node.module)}.{dotted(item.name)}" for item in names]
                for name in (item for item in full if _starts(item, _PRIVATE)):
                    yield Report(node, f"`{name}` is an inner part; use the public functions")
            elif isinstance(node, cst.Call) and dotted(node.func) in ("getattr", "hasattr") and len(node.args) > 1:
                value = node.args[1].value
                if isinstance(value, cst.SimpleString) and (told := literal(value)) in _ATTRIBUTES:
                    yield Report(node, f"`{told}` shows who is calling; remove it")

    def _attribute(self, file: FileModel, node: cst.Attribute) -> Iterator[Report]:
        name = node.attr.value
        below = any(isinstance(item, cst.Attribute) and item.attr.value in _ATTRIBUTES for item in walk(node.value))
        if name in _ATTRIBUTES and not below:
            yield Report(node, f"`{name}` shows who is calling; remove it")
            return
        if isinstance(file.tree.parents[node], (cst.Attribute, cst.ImportAlias, cst.ImportFrom)):
            return
        if dotted(node).split(".")[0] not in file.aliases:
            return
        full = file.resolve(node)
        if _starts(full, _PRIVATE):
            yield Report(node, f"`{dotted(node)}` is an inner part; use the public functions")
        elif _starts(full, _CLOCKS):
            yield Report(node, f"`{dotted(node)}` is a clock; a kernel takes no times")


def _starts(full: str, prefixes: tuple[str, ...]) -> bool:
    return any(full == prefix or full.startswith(prefix + ".") for prefix in prefixes)
