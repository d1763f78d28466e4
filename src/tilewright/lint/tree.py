"""A parsed file: the LibCST tree with positions, parents and a few questions every rule asks."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import libcst as cst
from libcst.metadata import CodeRange, MetadataWrapper, PositionProvider

from tilewright.errors import SourceError
from tilewright.source import syntax
from tilewright.source.tree import parsed
from tilewright.source.walk import children
from tilewright.source.walk import walk as walk


class _Unknown:
    """The value of what cannot be known from the text alone."""

    def __repr__(self) -> str:
        return "UNKNOWN"

    def __bool__(self) -> bool:
        raise TypeError("an unknown value is neither true nor false")


UNKNOWN = _Unknown()


@dataclass(frozen=True, slots=True)
class Edit:
    """Replace the text between two places (line from 1, column from 0) by ``text``."""

    start: tuple[int, int]
    end: tuple[int, int]
    text: str


def dotted(node: cst.CSTNode) -> str:
    """Return ``a.b.c`` for a name or attribute chain, and an empty string for anything else."""
    if isinstance(node, cst.Name):
        return node.value
    if isinstance(node, cst.Attribute):
        base = dotted(node.value)
        return f"{base}.{node.attr.value}" if base else ""
    return ""


def literal(node: cst.CSTNode | None) -> object:
    """Return the Python value of a literal expression, or ``UNKNOWN``."""
    if node is None or not isinstance(node, cst.BaseExpression):
        return UNKNOWN
    try:
        return syntax.literal(cst.Module(()).code_for_node(node).strip())
    except (ValueError, SyntaxError, TypeError):
        return UNKNOWN


def string_list(node: cst.CSTNode | None) -> tuple[str, ...] | None:
    """Return the strings of a literal list or tuple of strings, or ``None``."""
    value = literal(node)
    if isinstance(value, (list, tuple)) and all(isinstance(item, str) for item in value):
        return tuple(value)
    return None


def keywords(call: cst.Call) -> dict[str, cst.BaseExpression]:
    """Return the keyword arguments of a call."""
    return {argument.keyword.value: argument.value for argument in call.args if argument.keyword is not None}


def argument(call: cst.Call, index: int, name: str) -> cst.BaseExpression | None:
    """Return the argument at ``index`` or under ``name``; ``None`` where it is absent or hidden by a star."""
    named = keywords(call).get(name)
    if named is not None:
        return named
    positional = [item for item in call.args if item.keyword is None]
    if any(item.star for item in positional) or index >= len(positional):
        return None
    return positional[index].value


def elements(node: cst.CSTNode) -> tuple[cst.BaseExpression, ...] | None:
    """Return the items of a literal tuple or list without stars, or ``None``."""
    if isinstance(node, (cst.Tuple, cst.List)) and not any(
        isinstance(item, cst.StarredElement) for item in node.elements
    ):
        return tuple(item.value for item in node.elements)
    return None


def statements(body: cst.BaseSuite | cst.Module) -> tuple[cst.CSTNode, ...]:
    """Return the statements of a suite, simple statements on one line taken apart."""
    found: list[cst.CSTNode] = []
    for item in body.body:
        if isinstance(item, cst.SimpleStatementLine):
            found.extend(item.body)
        else:
            found.append(item)
    return tuple(found)


def target_names(target: cst.CSTNode) -> tuple[str, ...]:
    """Return the plain names that an assignment to ``target`` binds."""
    if isinstance(target, cst.Name):
        return (target.value,)
    if isinstance(target, (cst.Tuple, cst.List)):
        return tuple(name for item in target.elements for name in target_names(item.value))
    return ()


def assigned_names(node: cst.CSTNode) -> frozenset[str]:
    """Return every name that is bound somewhere below ``node``."""
    found: set[str] = set()
    for item in walk(node):
        if isinstance(item, (cst.AssignTarget, cst.AugAssign, cst.AnnAssign, cst.For, cst.CompFor, cst.NamedExpr)):
            found.update(target_names(item.target))
    return frozenset(found)


class Tree:
    """A syntax tree with the place and the parent of each node.

    Raises:
        SourceError: The text is not valid Python; the line counts in the file that holds the text.
    """

    def __init__(self, text: str, *, path: str = "<text>", first_line: int = 1) -> None:
        try:
            module = parsed(text)
        except cst.ParserSyntaxError as error:
            line = first_line + error.raw_line - 1
            raise SourceError(path, line, f"syntax error: {error.message}", "correct the Python first") from error
        wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
        self.text = text
        self.wrapper = wrapper
        self.module = wrapper.module
        self._positions: Mapping[cst.CSTNode, CodeRange] = wrapper.resolve(PositionProvider)
        self.nodes = tuple(walk(self.module))
        self.parents = {child: node for node in self.nodes for child in children(node)}

    def code(self, node: cst.CSTNode) -> str:
        """Return the text of ``node``."""
        return self.module.code_for_node(node).strip()

    def place(self, node: cst.CSTNode) -> tuple[int, int]:
        """Return line and column of ``node`` within the text, both from 1."""
        start = self._positions[node].start
        return start.line, start.column + 1

    def replace(self, node: cst.CSTNode, text: str) -> Edit:
        """Return the edit that puts ``text`` in the place of ``node``."""
        span = self._positions[node]
        return Edit((span.start.line, span.start.column), (span.end.line, span.end.column), text)

    def insert(self, line: int, text: str) -> Edit:
        """Return the edit that puts ``text`` before ``line`` (from 1)."""
        return Edit((line, 0), (line, 0), text)

    def delete_lines(self, node: cst.CSTNode) -> Edit:
        """Return the edit that removes the whole lines on which ``node`` stands."""
        span = self._positions[node]
        return Edit((span.start.line, 0), (span.end.line + 1, 0), "")

    def ancestors(self, node: cst.CSTNode) -> Iterator[cst.CSTNode]:
        """Yield the parents of ``node``, nearest first."""
        while node in self.parents:
            node = self.parents[node]
            yield node

    def function_of(self, node: cst.CSTNode) -> cst.FunctionDef | None:
        """Return the innermost function around ``node``."""
        return next((item for item in self.ancestors(node) if isinstance(item, cst.FunctionDef)), None)


def apply_edits(text: str, edits: tuple[Edit, ...]) -> str:
    """Return ``text`` with edits that do not overlap carried out."""
    starts = [0]
    for line in text.splitlines(keepends=True):
        starts.append(starts[-1] + len(line))

    def offset(place: tuple[int, int]) -> int:
        return min(starts[place[0] - 1] + place[1], len(text)) if place[0] <= len(starts) else len(text)

    for edit in sorted(edits, key=lambda item: (item.start, item.end), reverse=True):
        text = text[: offset(edit.start)] + edit.text + text[offset(edit.end) :]
    return text
