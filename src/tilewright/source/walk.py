"""Read a syntax tree quickly.

LibCST's own ``node.visit`` and ``node.children`` build every node anew, also where nothing changes, and enter all white
space: fit for transformers, and many times too slow for looking something up.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import fields
from functools import cache
from typing import Any

import libcst as cst

_PUNCTUATION = frozenset(
    {"lpar", "rpar", "lbracket", "rbracket", "lbrace", "rbrace", "leading_lines", "lines_after_decorators", "header"}
    | {"footer", "trailing_whitespace", "comma", "semicolon", "equal", "colon", "dot"}
)


@cache
def _fields(kind: type[cst.CSTNode]) -> tuple[str, ...]:
    """Return the fields of a node that hold code and not whitespace or punctuation."""
    names = (item.name for item in fields(kind))
    return tuple(name for name in names if not name.startswith("whitespace") and name not in _PUNCTUATION)


def children(node: cst.CSTNode) -> list[cst.CSTNode]:
    """Return the nodes right below, white space and punctuation left out."""
    found: list[cst.CSTNode] = []
    for name in _fields(type(node)):
        value = getattr(node, name)
        if type(value) in (list, tuple):
            found += [item for item in value if _is_node(type(item))]
        elif _is_node(type(value)):
            found.append(value)
    return found


def _is_node(kind: type) -> bool:
    """Whether values of this type are nodes; asking each value would go through ``abc``, which is slow."""
    found = _known.get(kind)
    if found is None:
        found = _known[kind] = issubclass(kind, cst.CSTNode)
    return found


_known: dict[type, bool] = {}


def walk(node: cst.CSTNode) -> Iterator[cst.CSTNode]:
    """Yield ``node`` and everything below it, in the order of the file."""
    stack = [node]
    while stack:
        current = stack.pop()
        yield current
        stack.extend(reversed(children(current)))


def inspect(node: cst.CSTNode, visitor: cst.CSTVisitor) -> None:
    """Show ``node`` and everything below it to ``visitor``, as ``node.visit(visitor)`` does, white space left out.

    Only methods named after a kind of node (``visit_Name``, ``leave_Name``) are called.
    """
    enter, leave = _methods(type(visitor), type(node))
    if enter is None or enter(visitor, node) is not False:
        for child in children(node):
            inspect(child, visitor)
    if leave is not None:
        leave(visitor, node)


@cache
def _methods(
    visitor: type[cst.CSTVisitor], kind: type[cst.CSTNode]
) -> tuple[Callable[..., Any] | None, Callable[..., Any] | None]:
    """What ``visitor`` itself says about one kind of node; LibCST's base classes answer every kind with nothing."""

    def own(name: str) -> Callable[..., Any] | None:
        found: Callable[..., Any] | None = getattr(visitor, name, None)
        return None if found is None or found is getattr(cst.CSTVisitor, name, None) else found

    return own(f"visit_{kind.__name__}"), own(f"leave_{kind.__name__}")
