"""What a wrapper makes a tensor descriptor from, so that a launch can pass that in its place."""

from __future__ import annotations

import ast
from dataclasses import dataclass

from tilewright.source import syntax, tree
from tilewright.source.launches import LaunchSite

DESCRIPTOR_MAKERS = (
    "triton.tools.tensor_descriptor.TensorDescriptor",
    "triton.tools.tensor_descriptor.TensorDescriptor.from_tensor",
)
"""Calls that make a descriptor of a tensor: they check their arguments, and do nothing to the tensor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DescriptorTexts:
    """Expressions for the tensor behind a descriptor, and for its shape and strides along each axis."""

    base: str
    shape: tuple[str, ...]
    strides: tuple[str, ...]


def descriptor_texts(text: str, site: LaunchSite, argument: str, axes: int) -> DescriptorTexts | None:
    """How the wrapper around a launch writes what is in a descriptor that the launch passes.

    What the descriptor was made from is written where it is seen and still the same at the launch; where it is not, it
    is asked for: ``desc.base``, ``desc.shape[0]``, ``desc.strides[0]``.

    Args:
        text: The file.
        site: The launch.
        argument: What the launch passes.
        axes: Axes of the descriptor.

    Returns:
        ``None`` where the argument is computed by a call that does not show them.
    """
    imports = tree.import_names(tree.parse(text))
    given = syntax.parse_expression(argument)
    wrapper = _Wrapper(text, site)
    made, line = given, site.line
    if isinstance(given, ast.Name):
        assigned = wrapper.assigned_once(given.id)
        if assigned is not None and not wrapper.changes(assigned, given.id):
            made, line = assigned, assigned.lineno
    asked = _asked(argument, axes) if _is_place(given) else None
    if not isinstance(made, ast.Call):
        return asked
    maker = _qualified(made.func, imports)
    if maker not in DESCRIPTOR_MAKERS or any(isinstance(one, ast.Starred) for one in made.args):
        return asked
    names = ("base", "shape", "strides") if maker == DESCRIPTOR_MAKERS[0] else ("tensor",)
    passed = dict(zip(names, made.args, strict=False)) | {word.arg: word.value for word in made.keywords if word.arg}
    if any(name not in passed for name in names) or any(wrapper.changes(one, after=line) for one in passed.values()):
        return asked
    return _written([passed[name] for name in names], axes) or asked


def _asked(argument: str, axes: int) -> DescriptorTexts:
    return DescriptorTexts(
        base=f"{argument}.base",
        shape=tuple(f"{argument}.shape[{axis}]" for axis in range(axes)),
        strides=tuple(f"{argument}.strides[{axis}]" for axis in range(axes)),
    )


def _written(given: list[ast.expr], axes: int) -> DescriptorTexts | None:
    """From the arguments of the call that makes a descriptor: a tensor, or a tensor, a shape and strides."""
    if not _is_place(given[0]):
        return None
    base = ast.unparse(given[0])
    if len(given) == 1:
        return DescriptorTexts(
            base=base,
            shape=tuple(f"{base}.shape[{axis}]" for axis in range(axes)),
            strides=tuple(f"{base}.stride({axis})" for axis in range(axes)),
        )
    shape, strides = (_along(one, axes) for one in given[1:])
    return DescriptorTexts(base=base, shape=shape, strides=strides) if shape and strides else None


def _along(given: ast.expr, axes: int) -> tuple[str, ...] | None:
    """The parts of ``[M, K]``, ``x.shape``, ``x.size()`` and ``x.stride()``."""
    if isinstance(given, ast.List | ast.Tuple) and len(given.elts) == axes:
        calls = any(isinstance(part, ast.Call | ast.Starred) for one in given.elts for part in ast.walk(one))
        return None if calls else tuple(ast.unparse(one) for one in given.elts)
    if isinstance(given, ast.Attribute) and given.attr == "shape" and _is_place(given.value):
        return tuple(f"{ast.unparse(given)}[{axis}]" for axis in range(axes))
    method = given.func if isinstance(given, ast.Call) and not given.args and not given.keywords else None
    if isinstance(method, ast.Attribute) and method.attr in ("size", "stride") and _is_place(method.value):
        return tuple(f"{ast.unparse(method)}({axis})" for axis in range(axes))
    return None


def _is_place(node: ast.expr) -> bool:
    """A name or an attribute of one, which can be written twice."""
    return isinstance(node, ast.Name) or (isinstance(node, ast.Attribute) and _is_place(node.value))


def _qualified(node: ast.expr, imports: dict[str, str]) -> str:
    root, _, rest = ast.unparse(node).partition(".")
    root = imports.get(root, root)
    return f"{root}.{rest}" if rest else root


class _Wrapper:
    """The function that a launch stands in."""

    def __init__(self, text: str, site: LaunchSite) -> None:
        self.site = site
        body: ast.AST = syntax.parse(text)
        for part in filter(None, site.function.split(".")):
            owners = (n for n in ast.walk(body) if isinstance(n, ast.FunctionDef | ast.ClassDef) and n.name == part)
            body = next(owners, body)
        self.body = body

    def assigned_once(self, name: str) -> ast.expr | None:
        """What is assigned to ``name`` before the launch, if that is the only thing that ever is."""
        stored = [node for node in ast.walk(self.body) if _stores(node, {name})]
        values = [
            node.value
            for node in ast.walk(self.body)
            if isinstance(node, ast.Assign) and len(node.targets) == 1 and node.targets[0] in stored
        ]
        return values[0] if len(stored) == len(values) == 1 and values[0].lineno < self.site.line else None

    def changes(self, made: ast.expr, *names: str, after: int = 0) -> bool:
        """Whether a name or attribute that ``made`` reads, or an attribute of ``names``, is set after a line."""
        if names:
            return any(
                isinstance(node, ast.Attribute | ast.Subscript)
                and not isinstance(node.ctx, ast.Load)
                and _root(node) in names
                for node in ast.walk(self.body)
            )
        read = {part for node in ast.walk(made) for part in _words(node)}
        return any(_stores(node, read) and getattr(node, "lineno", 0) > after for node in ast.walk(self.body))


def _words(node: ast.AST) -> tuple[str, ...]:
    if isinstance(node, ast.Name):
        return (node.id,)
    return (node.attr,) if isinstance(node, ast.Attribute) else ()


def _stores(node: ast.AST, names: set[str]) -> bool:
    if not isinstance(node, ast.Name | ast.Attribute) or isinstance(node.ctx, ast.Load):
        return False
    return bool(names & set(_words(node)))


def _root(node: ast.expr) -> str:
    while isinstance(node, ast.Attribute | ast.Subscript):
        node = node.value
    return node.id if isinstance(node, ast.Name) else ""
