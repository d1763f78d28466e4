"""The model of a kernel file that all rules share: kernels, launches, autotuners, wrappers, ModelNew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import libcst as cst

from tilewright.lint.tree import (
    Tree,
    dotted,
    elements,
    keywords,
    literal,
    statements,
    string_list,
    target_names,
    walk,
)
from tilewright.records.launch import Launch
from tilewright.records.source import KernelSource

LAUNCH_OPTIONS = frozenset(
    {"num_warps", "num_stages", "num_ctas", "maxnreg", "grid", "warmup", "stream", "debug", "enable_fp_fusion"}
    | {"ptx_options", "ir_override", "arch", "default_dot_input_precision", "allowed_dot_input_precisions"}
    | {"launch_cooperative_grid", "launch_pdl", "sanitize_overflow", "instrumentation_mode", "extern_libs"}
)
"""Keywords of a launch that belong to Triton and not to the kernel."""

CONFIG_OPTIONS = ("num_warps", "num_stages", "num_ctas", "maxnreg", "pre_hook", "ir_override")
"""Parameters of ``triton.Config`` after the dictionary of keyword values, in order."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """One parameter of a kernel."""

    name: str
    constexpr: bool
    default: cst.BaseExpression | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Config:
    """One ``triton.Config``."""

    node: cst.Call
    values: Mapping[str, cst.BaseExpression]
    options: Mapping[str, cst.BaseExpression]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Autotune:
    """One ``triton.autotune`` decorator."""

    node: cst.Call
    configs: tuple[Config, ...] | None
    """``None`` where the list is not written out in the file."""
    keys: tuple[str, ...] | None
    arguments: Mapping[str, cst.BaseExpression]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Kernel:
    """One function under ``@triton.jit``, launched or called by another."""

    name: str
    node: cst.FunctionDef
    parameters: tuple[Parameter, ...]
    autotune: Autotune | None
    heuristics: frozenset[str]

    @property
    def constexprs(self) -> frozenset[str]:
        """Names of the ``tl.constexpr`` parameters."""
        return frozenset(item.name for item in self.parameters if item.constexpr)

    @property
    def names(self) -> tuple[str, ...]:
        """Names of all parameters, in order."""
        return tuple(item.name for item in self.parameters)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LaunchSite:
    """One ``kernel[grid](…)`` in the file."""

    node: cst.Call
    kernel: Kernel
    grid: cst.BaseExpression
    arguments: Mapping[str, cst.BaseExpression]
    options: Mapping[str, cst.BaseExpression]
    surplus: int
    """Positional arguments beyond the last parameter."""
    complete: bool
    """Whether every argument is visible: no ``*args``, no ``**kwargs``."""
    function: cst.FunctionDef | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Grid:
    """One value that a launch's grid can take."""

    node: cst.BaseExpression
    entries: tuple[cst.BaseExpression, ...] | None
    """``None`` where the expression is no literal tuple."""
    meta: str | None
    """The parameter of the lambda or function that builds it, if one does."""


class FileModel:
    """A kernel file, read once.

    Raises:
        SourceError: The text is not valid Python.
    """

    def __init__(self, source: KernelSource, captured: Sequence[Launch] = ()) -> None:
        self.source = source
        self.captured = tuple(captured)
        self.tree = Tree(source.text, path=source.path, first_line=source.first_line)
        self.top = statements(self.tree.module)
        self._known_grids: dict[LaunchSite, tuple[Grid, ...]] = {}

    @cached_property
    def aliases(self) -> Mapping[str, str]:
        """What each imported name stands for: ``tl`` to ``triton.language``."""
        found: dict[str, str] = {}
        for node in self.tree.nodes:
            if isinstance(node, cst.Import):
                for item in node.names:
                    full = dotted(item.name)
                    local = item.evaluated_alias or full.split(".")[0]
                    found[local] = full if item.evaluated_alias else local
            elif (
                isinstance(node, cst.ImportFrom)
                and node.module is not None
                and not isinstance(node.names, cst.ImportStar)
            ):
                for item in node.names:
                    name = dotted(item.name)
                    found[item.evaluated_alias or name] = f"{dotted(node.module)}.{name}"
        return found

    @cached_property
    def import_line(self) -> int:
        """Line before which a new import goes: that of the first statement after docstring and ``__future__``."""
        for node in self.top:
            future = (
                isinstance(node, cst.ImportFrom) and node.module is not None and dotted(node.module) == "__future__"
            )
            docstring = isinstance(node, cst.Expr) and isinstance(
                node.value, (cst.SimpleString, cst.ConcatenatedString)
            )
            if not future and not docstring:
                decorators = node.decorators if isinstance(node, (cst.FunctionDef, cst.ClassDef)) else ()
                return self.tree.place(decorators[0] if decorators else node)[0]
        return len(self.source.text.splitlines()) + 1

    def resolve(self, node: cst.CSTNode) -> str:
        """Return the full name of an expression, imports followed: ``tl.dot`` to ``triton.language.dot``."""
        name = dotted(node)
        if not name:
            return ""
        head, _, rest = name.partition(".")
        full = self.aliases.get(head, head)
        return f"{full}.{rest}" if rest else full

    def tl_name(self, node: cst.CSTNode) -> str:
        """Return the name inside ``triton.language`` of a called function, or an empty string."""
        func = node.func if isinstance(node, cst.Call) else node
        full = self.resolve(func)
        return full.removeprefix("triton.language.") if full.startswith("triton.language.") else ""

    @cached_property
    def functions(self) -> Mapping[str, cst.FunctionDef]:
        """Functions at the top level that are no kernels."""
        return {
            item.name.value: item
            for item in self.top
            if isinstance(item, cst.FunctionDef) and item.name.value not in self.kernels
        }

    @cached_property
    def classes(self) -> Mapping[str, cst.ClassDef]:
        """Classes at the top level."""
        return {item.name.value: item for item in self.top if isinstance(item, cst.ClassDef)}

    @cached_property
    def model_new(self) -> cst.ClassDef | None:
        """``class ModelNew``, if the file has it."""
        return self.classes.get("ModelNew")

    def methods(self, node: cst.ClassDef) -> Mapping[str, cst.FunctionDef]:
        """Return the methods of a class."""
        return {item.name.value: item for item in statements(node.body) if isinstance(item, cst.FunctionDef)}

    @cached_property
    def kernels(self) -> Mapping[str, Kernel]:
        """All functions under ``@triton.jit``, helpers included."""
        found = (self._kernel(item) for item in self.top if isinstance(item, cst.FunctionDef))
        return {item.name: item for item in found if item is not None}

    def _kernel(self, node: cst.FunctionDef) -> Kernel | None:
        jitted, autotune, heuristics = False, None, frozenset[str]()
        for item in node.decorators:
            call = item.decorator if isinstance(item.decorator, cst.Call) else None
            name = self.resolve(call.func if call else item.decorator)
            if name in ("triton.jit", "triton.runtime.jit.jit", "triton.runtime.jit"):
                jitted = True
            elif call and name.rpartition(".")[2] == "autotune" and name.startswith("triton"):
                autotune = self._autotune(call)
            elif call and name.rpartition(".")[2] == "heuristics" and call.args:
                value = call.args[0].value
                if isinstance(value, cst.Dict):
                    keys = (literal(pair.key) for pair in value.elements if isinstance(pair, cst.DictElement))
                    heuristics = frozenset(key for key in keys if isinstance(key, str))
        if not jitted:
            return None
        params = [*node.params.posonly_params, *node.params.params, *node.params.kwonly_params]
        return Kernel(
            name=node.name.value,
            node=node,
            parameters=tuple(self._parameter(item) for item in params),
            autotune=autotune,
            heuristics=heuristics,
        )

    def _parameter(self, node: cst.Param) -> Parameter:
        annotation = node.annotation.annotation if node.annotation else None
        text = literal(annotation)
        name = self.resolve(annotation) if annotation is not None else ""
        constexpr = name.endswith("constexpr") or (isinstance(text, str) and text.endswith("constexpr"))
        return Parameter(name=node.name.value, constexpr=constexpr, default=node.default)

    def _autotune(self, call: cst.Call) -> Autotune:
        arguments = keywords(call)
        for name, item in zip(("configs", "key"), [item for item in call.args if item.keyword is None], strict=False):
            arguments.setdefault(name, item.value)
        return Autotune(
            node=call,
            configs=self._configs(arguments.get("configs")),
            keys=string_list(arguments.get("key")),
            arguments=arguments,
        )

    def _configs(self, node: cst.BaseExpression | None) -> tuple[Config, ...] | None:
        if isinstance(node, cst.Name):
            values = self.assignments(node.value, None)
            node = values[0] if len(values) == 1 else None
        items = elements(node) if node is not None else None
        if items is None:
            return None
        found = [self._config(item) for item in items]
        return tuple(item for item in found if item is not None) if all(found) else None

    def _config(self, node: cst.BaseExpression) -> Config | None:
        if not isinstance(node, cst.Call) or self.resolve(node.func).rpartition(".")[2] != "Config":
            return None
        options = keywords(node)
        positional = [item.value for item in node.args if item.keyword is None]
        values = positional[0] if positional else options.pop("kwargs", None)
        options |= dict(zip(CONFIG_OPTIONS, positional[1:], strict=False))
        if isinstance(values, cst.Dict):
            pairs = {literal(item.key): item.value for item in values.elements if isinstance(item, cst.DictElement)}
            if len(pairs) < len(values.elements):
                return None
            return Config(node=node, values={str(key): value for key, value in pairs.items()}, options=options)
        if isinstance(values, cst.Call) and dotted(values.func) == "dict":
            return Config(node=node, values=keywords(values), options=options)
        return None

    @cached_property
    def launches(self) -> tuple[LaunchSite, ...]:
        """Every ``kernel[grid](…)``, in order of the file."""
        found = []
        for node in self.tree.nodes:
            if isinstance(node, cst.Call) and isinstance(node.func, cst.Subscript):
                kernel = self.kernels.get(dotted(node.func.value))
                if kernel is not None:
                    found.append(self._launch(node, node.func, kernel))
        return tuple(found)

    def _launch(self, node: cst.Call, subscript: cst.Subscript, kernel: Kernel) -> LaunchSite:
        positional = [item for item in node.args if item.keyword is None and not item.star]
        arguments = {name: item.value for name, item in zip(kernel.names, positional, strict=False)}
        options: dict[str, cst.BaseExpression] = {}
        for name, value in keywords(node).items():
            (arguments if name in kernel.names else options)[name] = value
        grid = _index(subscript)
        return LaunchSite(
            node=node,
            kernel=kernel,
            grid=grid,
            arguments=arguments,
            options=options,
            surplus=max(0, len(positional) - len(kernel.names)),
            complete=not any(item.star for item in node.args),
            function=self.tree.function_of(node),
        )

    def assignments(self, name: str, function: cst.FunctionDef | None) -> tuple[cst.BaseExpression | None, ...]:
        """Return every value bound to ``name`` in ``function``, or at the top level where it has none.

        ``None`` stands for a binding whose value cannot be pointed at: a loop variable, an unpacking, ``+=``.
        """
        scope: cst.CSTNode = function if function is not None else self.tree.module
        found: list[cst.BaseExpression | None] = []
        for node in walk(scope):
            if self.tree.function_of(node) is not function:
                continue
            if isinstance(node, cst.Assign):
                for target in node.targets:
                    if name in target_names(target.target):
                        found.append(node.value if isinstance(target.target, cst.Name) else None)
            elif isinstance(node, cst.AnnAssign) and name in target_names(node.target):
                found.append(node.value)
            elif isinstance(node, (cst.AugAssign, cst.For, cst.NamedExpr)) and name in target_names(node.target):
                found.append(None)
        if found or function is None:
            return tuple(found)
        if any(item.name.value == name for item in function.params.params):
            return (None,)
        return self.assignments(name, None)

    def grids(self, site: LaunchSite) -> tuple[Grid, ...]:
        """Return every value that the grid of a launch can take, as far as the text shows it."""
        if site not in self._known_grids:
            self._known_grids[site] = tuple(self._grids(site.grid, site.function, None))
        return self._known_grids[site]

    def _grids(self, node: cst.BaseExpression, function: cst.FunctionDef | None, meta: str | None) -> list[Grid]:
        if isinstance(node, cst.Lambda):
            params = node.params.params
            return self._grids(node.body, function, params[0].name.value if params else None)
        if isinstance(node, cst.IfExp):
            return [*self._grids(node.body, function, meta), *self._grids(node.orelse, function, meta)]
        if isinstance(node, cst.Name) and meta is None:
            local = self._local_function(node.value, function)
            if local is not None:
                return self._returned_grids(local)
            values = self.assignments(node.value, function)
            if values and all(value is not None for value in values):
                return [grid for value in values if value is not None for grid in self._grids(value, function, None)]
        return [Grid(node=node, entries=elements(node), meta=meta)]

    def _local_function(self, name: str, function: cst.FunctionDef | None) -> cst.FunctionDef | None:
        inside = walk(function.body) if function is not None else iter(())
        found = [item for item in inside if isinstance(item, cst.FunctionDef) and item.name.value == name]
        return found[0] if found else self.functions.get(name)

    def _returned_grids(self, function: cst.FunctionDef) -> list[Grid]:
        meta = function.params.params[0].name.value if function.params.params else None
        returned = [
            item.value for item in walk(function.body) if isinstance(item, cst.Return) and item.value is not None
        ]
        return [grid for value in returned for grid in self._grids(value, function, meta)]

    def reached_kernels(self, kernel: Kernel) -> tuple[Kernel, ...]:
        """Return ``kernel`` and every jitted helper that it calls, directly or not."""
        found = [kernel]
        for item in found:
            for node in walk(item.node.body):
                callee = self.kernels.get(dotted(node.func)) if isinstance(node, cst.Call) else None
                if callee is not None and callee not in found:
                    found.append(callee)
        return tuple(found)

    @cached_property
    def launched(self) -> tuple[Kernel, ...]:
        """Kernels with a launch in the file."""
        return tuple(item for item in self.kernels.values() if any(site.kernel is item for site in self.launches))

    @cached_property
    def host_functions(self) -> tuple[cst.FunctionDef, ...]:
        """Wrappers and the methods of ModelNew: the functions that run on the host."""
        methods = self.methods(self.model_new).values() if self.model_new is not None else ()
        return (*self.functions.values(), *methods)

    def kernel_of(self, node: cst.CSTNode) -> Kernel | None:
        """Return the kernel whose body holds ``node``."""
        around = {item for item in self.tree.ancestors(node) if isinstance(item, cst.FunctionDef)}
        return next((item for item in self.kernels.values() if item.node in around), None)


def _index(node: cst.Subscript) -> cst.BaseExpression:
    """Return what stands between the brackets; ``kernel[a, b]`` gives a tuple."""
    indices = [item.slice.value for item in node.slice if isinstance(item.slice, cst.Index)]
    if len(indices) == 1:
        return indices[0]
    return cst.Tuple([cst.Element(value) for value in indices])
