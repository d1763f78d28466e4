"""Edits of whole definitions: replace, insert, rename."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst
from libcst.metadata import GlobalScope, MetadataWrapper, ScopeProvider

from tilewright.source import tree
from tilewright.source.layout import leading, with_leading
from tilewright.source.walk import inspect


def replace_kernel(text: str, name: str, definition: str) -> str:
    """Replace function ``name``, decorators included, by ``definition`` (which may hold several statements).

    Blank lines and comments above the old one stay unless ``definition`` begins with a comment of its own.

    >>> print(replace_kernel("x = 1\\n\\n@jit\\ndef k(a): pass\\n", "k", "@triton.jit\\ndef k(b):\\n    pass"), end="")
    x = 1
    <BLANKLINE>
    @triton.jit
    def k(b):
        pass

    Raises:
        ValueError: there is no function of that name, or ``definition`` is empty.
    """
    new = tree.parse_statements(definition)
    if not new:
        raise ValueError(f"nothing to put in the place of {name}")
    module = tree.parse(text)
    old = next((node for _, node in tree.functions(module) if node.name.value == name), None)
    if old is None:
        raise ValueError(f"no function {name!r} to replace")
    return tree.transform_around(module, old, _Replace(old, new)).code


class _Replace(cst.CSTTransformer):
    def __init__(self, old: cst.FunctionDef, new: Sequence[tree.TopLevel]) -> None:
        super().__init__()
        self.old, self.new = old, new

    def leave_FunctionDef(  # noqa: N802
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef | cst.FlattenSentinel[tree.TopLevel]:
        if original_node is not self.old:
            return updated_node
        own = any(line.comment is not None for line in leading(self.new[0]))
        above = [line for line in updated_node.leading_lines if not own or line.comment is None]
        first = with_leading(self.new[0], [*above, *leading(self.new[0])] if own else above)
        return cst.FlattenSentinel([first, *self.new[1:]])


def insert_before(text: str, name: str, definition: str) -> str:
    """Insert ``definition`` before the top-level statement that defines ``name``.

    >>> print(insert_before("import a\\n\\n\\ndef f(): pass\\n", "f", "def g(): pass"), end="")
    import a
    <BLANKLINE>
    <BLANKLINE>
    def g(): pass
    <BLANKLINE>
    <BLANKLINE>
    def f(): pass

    Raises:
        ValueError: no top-level statement defines ``name``, or ``definition`` is empty.
    """
    module = tree.parse(text)
    position = next((n for n, node in enumerate(module.body) if name in defined_names(node)), None)
    if position is None:
        raise ValueError(f"no top-level definition of {name!r} to insert before")
    new = list(tree.parse_statements(definition))
    if not new:
        raise ValueError(f"nothing to insert before {name}")
    blank = cst.EmptyLine(indent=False)
    gap = [blank, blank]
    above = [] if position == 0 else gap
    new[0] = with_leading(new[0], [*above, *_comments(new[0])])
    here = module.body[position]
    here = with_leading(here, [*gap, *_comments(here)])
    return module.with_changes(body=[*module.body[:position], *new, here, *module.body[position + 1 :]]).code


def _comments(statement: tree.TopLevel) -> list[cst.EmptyLine]:
    """Comments above ``statement`` without the blank lines above them."""
    lines = list(leading(statement))
    while lines and lines[0].comment is None:
        lines.pop(0)
    return lines


def defined_names(statement: cst.CSTNode) -> tuple[str, ...]:
    """Names that a top-level statement binds, those under ``if``, ``try``, ``for`` and ``with`` included."""
    if isinstance(statement, cst.FunctionDef | cst.ClassDef):
        return (statement.name.value,)
    binder = _Binder()
    inspect(statement, binder)
    return tuple(dict.fromkeys(binder.names))


class _Binder(cst.CSTVisitor):
    def __init__(self) -> None:
        super().__init__()
        self.names: list[str] = []

    def _target(self, target: cst.CSTNode) -> None:
        if isinstance(target, cst.Tuple | cst.List):
            for element in target.elements:
                self._target(element.value)
        elif isinstance(target, cst.StarredElement):
            self._target(target.value)
        elif isinstance(target, cst.Name):
            self.names.append(target.value)

    def visit_FunctionDef(self, node: cst.FunctionDef) -> bool:  # noqa: N802
        self.names.append(node.name.value)
        return False

    def visit_ClassDef(self, node: cst.ClassDef) -> bool:  # noqa: N802
        self.names.append(node.name.value)
        return False

    def visit_Lambda(self, node: cst.Lambda) -> bool:  # noqa: N802
        return False

    def visit_AssignTarget(self, node: cst.AssignTarget) -> None:  # noqa: N802
        self._target(node.target)

    def visit_AnnAssign(self, node: cst.AnnAssign) -> None:  # noqa: N802
        self._target(node.target)

    def visit_AugAssign(self, node: cst.AugAssign) -> None:  # noqa: N802
        self._target(node.target)

    def visit_NamedExpr(self, node: cst.NamedExpr) -> None:  # noqa: N802
        self._target(node.target)

    def visit_For(self, node: cst.For) -> None:  # noqa: N802
        self._target(node.target)

    def visit_AsName(self, node: cst.AsName) -> None:  # noqa: N802
        self._target(node.name)

    def visit_Import(self, node: cst.Import) -> bool:  # noqa: N802
        self.names += tree.bound_imports(node)
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:  # noqa: N802
        self.names += tree.bound_imports(node)
        return False


def rename(text: str, old: str, new: str) -> str:
    """Rename a module-level name wherever it is used; a local of the same name is left alone.

    >>> print(rename("def k(): pass\\ndef f(): k()\\ndef g(k): k()\\n", "k", "k2"), end="")
    def k2(): pass
    def f(): k2()
    def g(k): k()

    Raises:
        ValueError: the file defines no ``old`` at module level, or ``new`` is already taken.
    """
    wrapper = MetadataWrapper(tree.parse(text), unsafe_skip_copy=True)
    scopes = {scope for scope in wrapper.resolve(ScopeProvider).values() if isinstance(scope, GlobalScope)}
    nodes: set[cst.CSTNode] = set()
    for scope in scopes:
        if scope[new]:
            raise ValueError(f"{new!r} is already taken")
        for assignment in scope[old]:
            nodes.add(getattr(assignment, "node", None) or wrapper.module)
            nodes.update(access.node for access in assignment.references)
    nodes.discard(wrapper.module)
    if not nodes:
        raise ValueError(f"no module-level name {old!r}")
    return wrapper.module.visit(_Rename(new, nodes)).code


class _Rename(cst.CSTTransformer):
    def __init__(self, new: str, nodes: set[cst.CSTNode]) -> None:
        super().__init__()
        self.new, self.nodes = new, nodes

    def _fresh(self, name: cst.Name) -> cst.Name:
        return name.with_changes(value=self.new)

    def leave_Name(self, original_node: cst.Name, updated_node: cst.Name) -> cst.Name:  # noqa: N802
        return self._fresh(updated_node) if original_node in self.nodes else updated_node

    def leave_Attribute(  # noqa: N802
        self, original_node: cst.Attribute, updated_node: cst.Attribute
    ) -> cst.BaseExpression:
        return _rename_root(updated_node, self.new) if original_node in self.nodes else updated_node

    def leave_FunctionDef(  # noqa: N802
        self, original_node: cst.FunctionDef, updated_node: cst.FunctionDef
    ) -> cst.FunctionDef:
        return (
            updated_node.with_changes(name=self._fresh(updated_node.name))
            if original_node in self.nodes
            else updated_node
        )

    def leave_ClassDef(self, original_node: cst.ClassDef, updated_node: cst.ClassDef) -> cst.ClassDef:  # noqa: N802
        return (
            updated_node.with_changes(name=self._fresh(updated_node.name))
            if original_node in self.nodes
            else updated_node
        )


def _rename_root(node: cst.BaseExpression, new: str) -> cst.BaseExpression:
    """``a.b.c`` with another ``a``."""
    if isinstance(node, cst.Attribute):
        return node.with_changes(value=_rename_root(node.value, new))
    return node.with_changes(value=new) if isinstance(node, cst.Name) else node
