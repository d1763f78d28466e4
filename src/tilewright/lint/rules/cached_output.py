"""TW802."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.facts import launching
from tilewright.lint.model import FileModel
from tilewright.lint.rule import Bad, Good, Report, Rule, in_wrapper
from tilewright.lint.tree import dotted, target_names, walk
from tilewright.records.finding import Severity

_KERNEL = in_wrapper("return x")
_CACHED = "import functools\n" + _KERNEL.partition("def run")[0] + "@functools.lru_cache(maxsize=None)\ndef {}\n"
_KEPT = _KERNEL.partition("def run")[0] + (
    "class ModelNew(nn.Module):\n    def forward(self, x):\n        self.kept = torch.empty_like(x)\n"
    "        y = torch.empty_like(x)\n        kernel[(1,)](x, y, 1, 16)\n        kernel[(1,)](x, self.kept, 1, 16)\n"
    "        {}\n"
)
_TABLE = "\n\ndef size(n):\n    {}\n"
_MEMOS = frozenset({"functools.lru_cache", "functools.cache", "functools.cached_property"})


class CachedOutput(Rule):
    """An output kept under the address, identity or version of an input is returned without running the kernel, and is
    wrong as soon as the memory is used again for other data.
    """

    code = "TW802"
    name = "cached-output"
    severity = Severity.ERROR
    examples = (
        Good("no-cache", in_wrapper("return torch.empty_like(x)")),
        Good("alignment-check", in_wrapper("aligned = x.data_ptr() % 16 == 0")),
        Good("alias-check", in_wrapper("assert x.data_ptr() != x.T.data_ptr()")),
        Bad(
            "address",
            in_wrapper("key = (x.data_ptr(), x.shape)\nreturn CACHE[key]"),
            "`x.data_ptr()` as a key",
            line=14,
        ),
        Bad("identity", in_wrapper("return CACHE.get(id(x))"), "`id(x)` as a key", line=14),
        Bad("version", in_wrapper("return CACHE[x._version]"), "`x._version` as a key", line=14),
        Good(
            "cached-sizes",
            in_wrapper("n = SIZES.get(x.shape)\ny = torch.empty_like(x)\nkernel[(1,)](x, y, n, 16)\nreturn y"),
        ),
        Good("cached-question", _CACHED.format("run(x):\n    return triton.cdiv(x, 2)")),
        Good("kept-workspace", _KEPT.format("return y")),
        Good("helper-table", in_wrapper("kernel[(1,)](x, x, 1, BLOCK=16)") + _TABLE.format("return SIZES[n]")),
        Bad("value", in_wrapper("kernel[(1,)](x, x, 1, BLOCK=16)\nreturn CACHE[x.sum().item()]"), "`CACHE[", line=15),
        Bad(
            "looked-up", in_wrapper("y = CACHE.get(x)\nkernel[(1,)](x, x, 1, 16)\nreturn y"), "`CACHE.get(x)`", line=16
        ),
        Bad("attribute", _KEPT.format("return self.kept"), "`self.kept`", line=19),
        Bad(
            "memo-decorator",
            _CACHED.format("run(x):\n    y = torch.empty_like(x)\n    kernel[(1,)](x, y, 1, BLOCK=16)\n    return y"),
            "`functools.lru_cache`",
            line=14,
        ),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look for keys that name data and not its values, for memo decorators, and for results kept between calls."""
        for function in file.host_functions:
            yield from self._keys(file, function)
        for function in launching(file):
            yield from self._memo(file, function)
            yield from self._kept(file, function)

    @staticmethod
    def _keys(file: FileModel, function: cst.FunctionDef) -> Iterator[Report]:
        """Yield addresses, identities and versions that are not merely compared or checked for alignment."""
        for node in walk(function.body):
            call = isinstance(node, cst.Call) and (
                dotted(node.func) == "id"
                or (isinstance(node.func, cst.Attribute) and node.func.attr.value == "data_ptr")
            )
            if call or (isinstance(node, cst.Attribute) and node.attr.value == "_version"):
                parent = file.tree.parents[node]
                if not isinstance(parent, (cst.BinaryOperation, cst.Comparison, cst.ComparisonTarget)):
                    yield Report(
                        node,
                        f"`{file.tree.code(node)}` as a key keeps results apart from the data; compute each time",
                    )

    @staticmethod
    def _memo(file: FileModel, function: cst.FunctionDef) -> Iterator[Report]:
        for item in function.decorators:
            decorator = item.decorator.func if isinstance(item.decorator, cst.Call) else item.decorator
            if file.resolve(decorator) in _MEMOS:
                yield Report(item, f"`{dotted(decorator)}` answers without running the kernel; compute each time")

    @staticmethod
    def _kept(file: FileModel, function: cst.FunctionDef) -> Iterator[Report]:
        """Yield returns of what a table, an attribute or a global of an earlier call holds."""
        for node in walk(function.body):
            if not isinstance(node, cst.Return) or node.value is None or file.tree.function_of(node) is not function:
                continue
            value = node.value
            if isinstance(value, cst.Name):
                values = [item for item in file.assignments(value.value, function) if item is not None]
                value = next((item for item in values if _lasting(file, item, function)), value)
            if _lasting(file, value, function):
                shown = file.tree.code(value)
                yield Report(node, f"`{shown}` returns what an earlier call may have left; compute each time")


def _lasting(file: FileModel, value: cst.BaseExpression, function: cst.FunctionDef) -> bool:
    """Tell whether an expression reads a table or attribute that outlives the call."""
    if isinstance(value, cst.Subscript):
        # an output that is only cut to size is no table
        return _is_table(file, value.value, function)
    if isinstance(value, cst.Call) and isinstance(value.func, cst.Attribute):
        return value.func.attr.value in ("get", "pop", "setdefault") and _is_table(file, value.func.value, function)
    if isinstance(value, cst.Attribute) and dotted(value.value) == "self":
        return _is_assigned(function, dotted(value))
    if isinstance(value, cst.Name):
        return any(
            isinstance(node, cst.Global) and any(item.name.value == value.value for item in node.names)
            for node in walk(function.body)
        )
    return False


def _is_table(file: FileModel, node: cst.BaseExpression, function: cst.FunctionDef) -> bool:
    name = dotted(node)
    if not name or name.startswith("self."):
        return bool(name) and name.count(".") == 1
    if "." in name:
        return False
    parameters = {item.name.value for item in function.params.params}
    local = any(
        file.tree.function_of(item) is function and name in target_names(item.target)
        for item in walk(function.body)
        if isinstance(item, (cst.AssignTarget, cst.AnnAssign, cst.For, cst.NamedExpr))
    )
    return name not in parameters and not local and name not in file.functions


def _is_assigned(function: cst.FunctionDef, name: str) -> bool:
    return function.name.value != "__init__" and any(
        isinstance(item, (cst.AssignTarget, cst.AnnAssign)) and dotted(item.target) == name
        for item in walk(function.body)
    )
