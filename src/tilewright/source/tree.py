"""Syntax trees of kernel files: parsing, and who is called what."""

from __future__ import annotations

import warnings
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache
from textwrap import dedent

import libcst as cst

from tilewright.errors import SourceError
from tilewright.source import syntax
from tilewright.source.walk import inspect, walk

TopLevel = cst.BaseStatement

_JIT = {"jit", "triton.jit", "triton.runtime.jit", "triton.runtime.jit.jit"}
_STARS = {"triton": {"jit": "triton.jit", "autotune": "triton.autotune", "heuristics": "triton.heuristics"}}


parsed = lru_cache(maxsize=16)(cst.parse_module)
"""An edit reads the text that the edit before it wrote, and several readers ask about one text."""


@lru_cache(maxsize=16)
def syntax_fault(text: str) -> SyntaxError | None:
    """Return Python's own complaint about ``text``, or ``None``. Compiles, never runs."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            compile(text, "<kernel file>", "exec", dont_inherit=True)
        except SyntaxError as fault:
            return fault
        except (ValueError, RecursionError, MemoryError, OverflowError) as fault:
            made = SyntaxError(str(fault) or type(fault).__name__)
            made.lineno = 1
            return made
    return None


def parse(text: str, path: str = "<source>", first_line: int = 1) -> cst.Module:
    """Parse ``text``. The tree is shared by all who parse the same text: it is not to be changed in place.

    Raises:
        SourceError: it is not Python; the line counts from ``first_line``.
    """
    fault = syntax_fault(text)
    if fault is not None:
        line = first_line + max(fault.lineno or 1, 1) - 1
        raise SourceError(path, line, f"not valid Python: {fault.msg}", "correct the syntax")
    try:
        return parsed(text)
    except (cst.ParserSyntaxError, RecursionError) as error:
        line = first_line + getattr(error, "raw_line", 1) - 1
        raise SourceError(path, line, "this syntax is not understood", "write it in a simpler form") from error


def parse_statements(text: str) -> tuple[TopLevel, ...]:
    """Parse statements at any indentation; every comment stays with the statement it stands above."""
    module = cst.parse_module("pass\n" + dedent(text).strip("\n") + "\n")
    statements: list[TopLevel] = []
    for statement in module.body[1:]:
        statements.append(statement)
    return tuple(statements)


def code(node: cst.CSTNode) -> str:
    """The text of ``node``."""
    return cst.Module(body=()).code_for_node(node)


def dotted(node: cst.CSTNode | None) -> str | None:
    """``"a.b.c"`` for such a name or attribute chain, else ``None``."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        owner = dotted(node.value)
        return f"{owner}.{node.attr.value}" if owner else None
    return None


def bound_imports(statement: cst.Import | cst.ImportFrom) -> dict[str, str]:
    """Local names an import binds, and the dotted names they stand for."""
    bound: dict[str, str] = {}
    origin = ""
    if isinstance(statement, cst.ImportFrom):
        origin = "." * len(statement.relative) + (dotted(statement.module) or "")
        if isinstance(statement.names, cst.ImportStar):
            return dict(_STARS.get(origin, {}))
        origin += "."
    for alias in statement.names if not isinstance(statement.names, cst.ImportStar) else ():
        name = dotted(alias.name) or ""
        if alias.asname is not None:
            bound[dotted(alias.asname.name) or ""] = origin + name
        elif isinstance(statement, cst.ImportFrom):
            bound[name] = origin + name
        else:
            root = name.split(".")[0]
            bound[root] = root
    return bound


def import_names(module: cst.CSTNode) -> dict[str, str]:
    """Every name that an import anywhere in ``module`` binds, and what it stands for."""
    return dict(_import_names(module))


@lru_cache(maxsize=64)
def _import_names(module: cst.CSTNode) -> dict[str, str]:
    names: dict[str, str] = {}

    class Imports(cst.CSTVisitor):
        def visit_Import(self, node: cst.Import) -> None:  # noqa: N802
            names.update(bound_imports(node))

        def visit_ImportFrom(self, node: cst.ImportFrom) -> None:  # noqa: N802
            names.update(bound_imports(node))

    inspect(module, Imports())
    return names


def qualified(node: cst.CSTNode, imports: Mapping[str, str]) -> str | None:
    """The dotted name of ``node`` with import aliases undone: ``tr.jit`` becomes ``triton.jit``."""
    name = dotted(node)
    if name is None:
        return None
    root, _, rest = name.partition(".")
    root = imports.get(root, root)
    return f"{root}.{rest}" if rest else root


def is_kernel(node: cst.CSTNode, imports: Mapping[str, str]) -> bool:
    """Whether ``node`` is a function under ``@triton.jit``, however the decorator is spelt."""
    if not isinstance(node, cst.FunctionDef):
        return False
    for decorator in node.decorators:
        called = decorator.decorator
        if qualified(called.func if isinstance(called, cst.Call) else called, imports) in _JIT:
            return True
    return False


def functions(module: cst.CSTNode) -> Iterator[tuple[str, cst.FunctionDef]]:
    """Every function of ``module`` with its dotted place (``ModelNew.forward``), in order of the file."""
    return iter(_functions(module))


@lru_cache(maxsize=64)
def _functions(module: cst.CSTNode) -> tuple[tuple[str, cst.FunctionDef], ...]:
    found: list[tuple[str, cst.FunctionDef]] = []

    class Functions(cst.CSTVisitor):
        def __init__(self) -> None:
            super().__init__()
            self.place: list[str] = []

        def visit_ClassDef(self, node: cst.ClassDef) -> None:  # noqa: N802
            self.place.append(node.name.value)

        def leave_ClassDef(self, original_node: cst.ClassDef) -> None:  # noqa: N802
            self.place.pop()

        def visit_FunctionDef(self, node: cst.FunctionDef) -> None:  # noqa: N802
            self.place.append(node.name.value)
            found.append((".".join(self.place), node))

        def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:  # noqa: N802
            self.place.pop()

    inspect(module, Functions())
    return tuple(found)


def kernels_of(module: cst.Module) -> dict[str, cst.FunctionDef]:
    """Kernels by name, in order of the file."""
    imports = import_names(module)
    return {node.name.value: node for _, node in functions(module) if is_kernel(node, imports)}


def names_read(node: cst.CSTNode, *, quoted: bool = False) -> set[str]:
    """Names read anywhere inside ``node``: nested functions, f-strings and decorators included.

    A name that is only bound (assigned, imported, a parameter, a keyword, an attribute) is not read. With ``quoted``,
    a string that is nothing but a name counts as reading it, as ``__all__`` and quoted annotations do.
    """
    return set(_names_read(node, quoted))


@lru_cache(maxsize=2048)
def _names_read(node: cst.CSTNode, quoted: bool) -> frozenset[str]:
    reader = _Reader(quoted)
    inspect(node, reader)
    return frozenset(reader.names)


class _Reader(cst.CSTVisitor):
    """Collects names in places where Python reads them."""

    def __init__(self, quoted: bool) -> None:
        super().__init__()
        self.quoted = quoted
        self.names: set[str] = set()

    def visit_Name(self, node: cst.Name) -> None:  # noqa: N802
        self.names.add(node.value)

    def visit_SimpleString(self, node: cst.SimpleString) -> None:  # noqa: N802
        value = syntax.literal(node.value) if self.quoted else None
        if isinstance(value, str) and value.isidentifier():
            self.names.add(value)

    def visit_Attribute(self, node: cst.Attribute) -> bool:  # noqa: N802
        inspect(node.value, self)
        return False

    def visit_Arg(self, node: cst.Arg) -> bool:  # noqa: N802
        inspect(node.value, self)
        return False

    def visit_Param(self, node: cst.Param) -> bool:  # noqa: N802
        for part in (node.annotation, node.default):
            if part is not None:
                inspect(part, self)
        return False

    def visit_AssignTarget(self, node: cst.AssignTarget) -> bool:  # noqa: N802
        _visit_target(node.target, self)
        return False

    def visit_AnnAssign(self, node: cst.AnnAssign) -> bool:  # noqa: N802
        _visit_target(node.target, self)
        inspect(node.annotation, self)
        if node.value is not None:
            inspect(node.value, self)
        return False

    def visit_NamedExpr(self, node: cst.NamedExpr) -> bool:  # noqa: N802
        inspect(node.value, self)
        return False

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:  # noqa: N802
        for part in (*node.decorators, node.params, node.returns, node.body):
            if part is not None:
                inspect(part, self)
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:  # noqa: N802
        for part in (*node.decorators, *node.bases, *node.keywords, node.body):
            inspect(part, self)
        return False

    def visit_Import(self, node: cst.Import) -> bool:  # noqa: N802
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:  # noqa: N802
        return False


def _visit_target(target: cst.CSTNode, reader: cst.CSTVisitor) -> None:
    """Read what a target reads: the owner and index of ``x.a`` and ``x[i]``, but not a plain name."""
    if isinstance(target, cst.Tuple | cst.List):
        for element in target.elements:
            _visit_target(element.value, reader)
    elif not isinstance(target, cst.Name):
        inspect(target, reader)


def target_names(target: cst.CSTNode) -> tuple[str, ...] | None:
    """Plain names a target binds, or ``None`` where it stores into something (``x.a``, ``x[i]``)."""
    if isinstance(target, cst.Name):
        return (target.value,)
    if isinstance(target, cst.Tuple | cst.List):
        names: list[str] = []
        for element in target.elements:
            inner = target_names(element.value)
            if inner is None:
                return None
            names += inner
        return tuple(names)
    return None


def transform_around(module: cst.Module, node: cst.CSTNode, transformer: cst.CSTTransformer) -> cst.Module:
    """Let ``transformer`` change the top-level statement that holds ``node``, and spare it the others."""
    body: list[TopLevel] = []
    for statement in module.body:
        if not any(inner is node for inner in walk(statement)):
            body.append(statement)
            continue
        changed = statement.visit(transformer)
        if isinstance(changed, cst.BaseStatement):
            body.append(changed)
        elif isinstance(changed, cst.FlattenSentinel):
            body += changed
    return module.with_changes(body=body)


def replace_node(module: cst.Module, old: cst.CSTNode, new: cst.CSTNode) -> cst.Module:
    """``module`` with ``new`` in the place of ``old``."""
    body = [
        statement.deep_replace(old, new) if any(inner is old for inner in walk(statement)) else statement
        for statement in module.body
    ]
    return module.with_changes(body=body)


def small_statements(statement: cst.CSTNode) -> Sequence[cst.BaseSmallStatement]:
    """The statements on one line, or nothing for a compound statement."""
    return statement.body if isinstance(statement, cst.SimpleStatementLine) else ()
