"""TW806."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule, in_wrapper
from tilewright.lint.tree import dotted
from tilewright.records.finding import Severity

_OWN_ROOTS = ("torch", "triton", "time", "builtins", "math")
"""Modules whose attributes TW803 watches, so that nothing is said twice."""
_DUNDERS = frozenset({"__class__", "__code__", "__dict__", "__globals__", "__closure__", "__defaults__", "__bases__"})
_PATCHERS = frozenset({"delattr", "object.__setattr__", "type.__setattr__", "object.__delattr__", "type.__delattr__"})
_NAMESPACES = frozenset({"vars", "globals", "locals"})
_FIX = "leave what others use as it is"


class MonkeyPatching(Rule):
    """Replacing a function, a class or a module behind its name reaches the harness, the reference and the clock; a
    kernel file works on its arguments and changes nothing else.
    """

    code = "TW806"
    name = "monkey-patching"
    severity = Severity.ERROR
    examples = (
        Good(
            "own-object", HEADER + "class Config:\n    pass\n\n\ndef run(c):\n    c.size = 3\n    setattr(c, 'n', 1)\n"
        ),
        Good("own-table", HEADER + "SIZES = {}\n\n\ndef run(n):\n    SIZES[n] = 2 * n\n"),
        Good("dtype-alias", HEADER + "def run(x):\n    kind = torch.float32\n    return x.to(kind)\n"),
        Bad(
            "alias", HEADER + "def run(x):\n    e = torch.cuda.Event\n    e.record = run\n", "`e.record` is set", line=9
        ),
        Bad("dictionary", HEADER + "torch.__dict__['mm'] = None\n", "`torch.__dict__`", line=7),
        Bad("variables", HEADER + "vars(torch)['mm'] = None\n", "`vars(torch)`", line=7),
        Bad("deleted", HEADER + "del torch.mm\n", "`torch.mm` is deleted", line=7),
        Bad(
            "mock",
            HEADER + "from unittest import mock\nmock.patch.object(torch, 'mm', None).start()\n",
            "`mock.patch.object`",
            line=8,
        ),
        Bad("code", HEADER + "def run(f):\n    f.__code__ = run.__code__\n", "`f.__code__` is set", line=8),
        Bad("own-kernel", in_wrapper("kernel.run = print"), "`kernel.run` is set", line=14),
        Bad("other-module", "import json\n" + HEADER + "json.dumps = repr\n", "`json.dumps` is set", line=8),
        Bad("hook", HEADER + "nn.modules.module.register_module_forward_hook(print)\n", "every module", line=7),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look at assignments, deletions and calls that reach other objects' attributes."""
        for node in file.tree.nodes:
            if isinstance(node, (cst.AssignTarget, cst.AugAssign, cst.AnnAssign)):
                yield from self._assigned(file, node.target)
            elif isinstance(node, cst.DelTarget if hasattr(cst, "DelTarget") else cst.Del):
                target = node.target
                if isinstance(target, cst.Attribute) and self._is_foreign(file, target.value, known=()):
                    yield Report(node, f"`{dotted(target)}` is deleted; {_FIX}")
            elif isinstance(node, cst.Call):
                yield from self._called(file, node)

    def _assigned(self, file: FileModel, target: cst.BaseExpression) -> Iterator[Report]:
        if isinstance(target, cst.Attribute):
            owner = dotted(target.value)
            patched = target.attr.value in _DUNDERS or owner in file.kernels
            if patched or self._is_foreign(file, target.value, known=_OWN_ROOTS):
                yield Report(target, f"`{file.tree.code(target)}` is set; {_FIX}")
        elif isinstance(target, cst.Subscript):
            owner = dotted(target.value)
            call = target.value.func if isinstance(target.value, cst.Call) else None
            if owner.endswith(".__dict__") or owner == "sys.modules" or (call and dotted(call) in _NAMESPACES):
                yield Report(target, f"an entry of `{file.tree.code(target.value)}` is set; {_FIX}")

    def _called(self, file: FileModel, node: cst.Call) -> Iterator[Report]:
        name, full = dotted(node.func), file.resolve(node.func)
        if name in _PATCHERS or "mock.patch" in full or full.startswith("unittest.mock."):
            yield Report(node, f"`{name}` replaces attributes; {_FIX}")
        elif full.startswith("torch.nn.modules.module.register_module_"):
            yield Report(node, f"`{name}` hooks every module there is; {_FIX}")
        elif name == "setattr" and node.args and self._is_foreign(file, node.args[0].value, known=_OWN_ROOTS):
            yield Report(node, f"`setattr` on `{file.tree.code(node.args[0].value)}`; {_FIX}")

    def _is_foreign(self, file: FileModel, owner: cst.BaseExpression, *, known: tuple[str, ...]) -> bool:
        """Tell whether an owner of attributes is imported, by its own name or under one given to it here."""
        if isinstance(owner, cst.Call):
            return dotted(owner.func) in ("type", "__import__")
        head = dotted(owner).split(".")[0]
        if head in file.aliases:
            return file.resolve(owner).split(".")[0] not in known
        if not head or dotted(owner) != head:
            return False
        values = file.assignments(head, file.tree.function_of(owner))
        return any(value is not None and dotted(value).split(".")[0] in file.aliases for value in values)
