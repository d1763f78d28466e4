"""Launches through a local name for one kernel or another: ``kernel = a if big else b; kernel[grid](x)``."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache

from tilewright.source import syntax, tree

_Function = ast.FunctionDef | ast.AsyncFunctionDef


@lru_cache(maxsize=8)
def with_named_launches(text: str) -> str:
    """Launch every kernel by its own name, in a branch of its own where a local name stands for several.

    A name counts that the function binds to kernels of the file alone. All else stays as it is.

    >>> before = "@triton.jit\\ndef k(x): pass\\n\\ndef run(x):\\n    f = k\\n    f[(1,)](\\n        x,\\n    )\\n"
    >>> print(with_named_launches(before), end="")
    @triton.jit
    def k(x): pass
    <BLANKLINE>
    def run(x):
        f = k
        k[(1,)](
            x,
        )
    """
    kernels = set(tree.kernels_of(tree.parse(text)))
    edits: dict[int, tuple[int, list[str]]] = {}
    lines = text.splitlines(keepends=True)
    for function in ast.walk(syntax.parse(text)):
        if not isinstance(function, _Function) or function.name in kernels:
            continue
        meant = _meant(function, kernels)
        for statement in _own(function):
            found = _launched(statement, meant)
            if found is not None and isinstance(statement, ast.Expr):
                first, last = statement.lineno - 1, statement.end_lineno or statement.lineno
                edits[first] = last, _branches(lines[first:last], found, meant[found])
    for first, (last, new) in sorted(edits.items(), reverse=True):
        if new:
            lines[first:last] = new
    return "".join(lines)


def _own(function: _Function) -> Iterator[ast.AST]:
    """Every node of a function, without those of functions and classes in it."""
    stack: list[ast.AST] = list(function.body)
    while stack:
        node = stack.pop()
        yield node
        if not isinstance(node, _Function | ast.ClassDef | ast.Lambda):
            stack.extend(ast.iter_child_nodes(node))


def _meant(function: _Function, kernels: set[str]) -> dict[str, list[str]]:
    """Local names to the kernels that they stand for, in the order of their assignments."""
    arguments = function.args
    given = [*arguments.posonlyargs, *arguments.args, *arguments.kwonlyargs, arguments.vararg, arguments.kwarg]
    bound = {one.arg for one in given if one is not None}
    found: dict[str, list[str]] = {}
    known = {id(node.targets[0]): node.value for node in _own(function)
             if isinstance(node, ast.Assign) and len(node.targets) == 1}  # fmt: skip
    for node in sorted(_own(function), key=lambda one: (getattr(one, "lineno", 0), getattr(one, "col_offset", 0))):
        if isinstance(node, ast.Global | ast.Nonlocal):
            bound |= set(node.names)
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store | ast.Del):
            names = _kernels_of(known.get(id(node)), kernels)
            if names is None:
                bound.add(node.id)
            else:
                found.setdefault(node.id, []).extend(name for name in names if name not in found.get(node.id, []))
    return {name: own for name, own in found.items() if name not in bound and not bound & set(own)}


def _kernels_of(value: ast.expr | None, kernels: set[str]) -> list[str] | None:
    """The kernels that an expression may be; ``None`` where it may be something else."""
    match value:
        case ast.Name(id=name) if name in kernels:
            return [name]
        case ast.IfExp(body=body, orelse=other):
            first, second = _kernels_of(body, kernels), _kernels_of(other, kernels)
            return None if first is None or second is None else [*first, *second]
    return None


def _launched(statement: ast.AST, meant: dict[str, list[str]]) -> str | None:
    match statement:
        case ast.Expr(value=ast.Call(func=ast.Subscript(value=ast.Name(id=name)))) if name in meant:
            return name
    return None


def _branches(lines: list[str], alias: str, kernels: list[str]) -> list[str]:
    """The lines of a launch, once for each kernel; nothing where they hold more than the launch."""
    body = lines[0].lstrip()
    indent = lines[0][: len(lines[0]) - len(body)]
    if not body.startswith(f"{alias}[") or any('"""' in line or "'''" in line for line in lines) or ";" in lines[-1]:
        return []
    if len(kernels) == 1:
        return [f"{indent}{kernels[0]}{body[len(alias) :]}", *lines[1:]]
    new = []
    for place, kernel in enumerate(kernels):
        word = "else:" if place == len(kernels) - 1 else f"{'elif' if place else 'if'} {alias} is {kernel}:"
        inside = [f"{indent}    {kernel}{body[len(alias) :]}", *(f"    {line}" for line in lines[1:])]
        new += [f"{indent}{word}\n", *inside]
        if not new[-1].endswith("\n"):
            new[-1] += "\n"
    return new
