"""Blank lines and line ends: how emitted code is laid out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import libcst as cst

from tilewright.source import tree

_Statement = TypeVar("_Statement", bound=cst.BaseStatement)
_BLANK = cst.EmptyLine(indent=False)


def format_source(text: str) -> str:
    """Lay out ``text`` readably without touching what stands inside a line.

    Two blank lines part top-level definitions and one parts methods; no line ends in white space; no run of blank
    lines is longer than two (one inside a block); the text ends in exactly one newline. Only comments at line ends,
    blank lines and docstrings' line ends change, so the code means what it meant.

    Raises:
        SourceError: ``text`` is not Python.
    """
    module = tree.parse(text)
    module = module.with_changes(
        header=() if module.body else _capped(module.header, 2, keep_trailing=False),
        body=space_top_level([*_with_header(module)]),
        footer=_capped(module.footer, 2, keep_trailing=False),
    )
    laid_out = module.visit(_Tidy()).code.strip("\n")
    result = laid_out + "\n" if laid_out else ""
    tree.parse(result)
    return result


def _with_header(module: cst.Module) -> list[tree.TopLevel]:
    """The statements, with the comments on top of the file given to the first one."""
    body: list[tree.TopLevel] = list(module.body)
    if body and module.header:
        body[0] = with_leading(body[0], [*module.header, *leading(body[0])])
    return body


def leading(statement: tree.TopLevel) -> Sequence[cst.EmptyLine]:
    """Blank lines and comments above ``statement``."""
    lines: Sequence[cst.EmptyLine] = getattr(statement, "leading_lines", ())
    return lines


def with_leading(statement: _Statement, lines: Sequence[cst.EmptyLine]) -> _Statement:
    """``statement`` with other blank lines and comments above it."""
    return statement.with_changes(leading_lines=tuple(lines))


def space_top_level(body: Sequence[tree.TopLevel]) -> list[tree.TopLevel]:
    """Put the blank lines between top-level statements right."""
    spaced: list[tree.TopLevel] = []
    for position, statement in enumerate(body):
        lines = _capped(leading(statement), 2)
        if position == 0:
            wanted = 0
            lines = _without_blank_start(lines)
        else:
            wanted = _gap(body[position - 1], statement)
            given = len(lines) - len(_without_blank_start(lines))
            lines = [*[_BLANK] * max(wanted, given), *_without_blank_start(lines)]
        spaced.append(with_leading(statement, lines))
    return spaced


def _gap(before: tree.TopLevel, after: tree.TopLevel) -> int:
    """Blank lines that must stand between two top-level statements."""
    if isinstance(before, cst.FunctionDef | cst.ClassDef) or isinstance(after, cst.FunctionDef | cst.ClassDef):
        return 2
    return 1 if is_import(before) != is_import(after) else 0


def is_import(statement: cst.CSTNode) -> bool:
    """Whether ``statement`` is one line of nothing but imports."""
    small = tree.small_statements(statement)
    return bool(small) and all(isinstance(part, cst.Import | cst.ImportFrom) for part in small)


def _without_blank_start(lines: Sequence[cst.EmptyLine]) -> list[cst.EmptyLine]:
    start = next((n for n, line in enumerate(lines) if line.comment is not None), len(lines))
    return list(lines[start:])


def _capped(lines: Sequence[cst.EmptyLine], limit: int, *, keep_trailing: bool = True) -> list[cst.EmptyLine]:
    """``lines`` with no more than ``limit`` blank ones in a row."""
    kept: list[cst.EmptyLine] = []
    run = 0
    for line in lines:
        run = run + 1 if line.comment is None else 0
        if run <= limit:
            kept.append(line)
    while kept and not keep_trailing and kept[-1].comment is None:
        kept.pop()
    return kept


class _Tidy(cst.CSTTransformer):
    """Strips white space at line ends, and puts blank lines inside blocks right."""

    def leave_EmptyLine(self, original_node: cst.EmptyLine, updated_node: cst.EmptyLine) -> cst.EmptyLine:  # noqa: N802
        if updated_node.comment is None:
            return _BLANK
        return updated_node.with_changes(comment=_stripped(updated_node.comment))

    def leave_TrailingWhitespace(  # noqa: N802
        self, original_node: cst.TrailingWhitespace, updated_node: cst.TrailingWhitespace
    ) -> cst.TrailingWhitespace:
        if updated_node.comment is None:
            return updated_node.with_changes(whitespace=cst.SimpleWhitespace(""))
        return updated_node.with_changes(comment=_stripped(updated_node.comment))

    def leave_ParenthesizedWhitespace(  # noqa: N802
        self, original_node: cst.ParenthesizedWhitespace, updated_node: cst.ParenthesizedWhitespace
    ) -> cst.ParenthesizedWhitespace:
        return updated_node.with_changes(empty_lines=_capped(updated_node.empty_lines, 1))

    def leave_IndentedBlock(  # noqa: N802
        self, original_node: cst.IndentedBlock, updated_node: cst.IndentedBlock
    ) -> cst.IndentedBlock:
        body: list[tree.TopLevel] = []
        for statement in updated_node.body:
            lines = _capped(leading(statement), 1)
            if body and isinstance(statement, cst.FunctionDef | cst.ClassDef):
                lines = [_BLANK, *_without_blank_start(lines)]
            body.append(with_leading(statement, lines) if hasattr(statement, "leading_lines") else statement)
        if body:
            body[0] = _tidy_docstring(body[0])
        return updated_node.with_changes(body=body, footer=_capped(updated_node.footer, 1))

    def leave_Module(self, original_node: cst.Module, updated_node: cst.Module) -> cst.Module:  # noqa: N802
        body: list[tree.TopLevel] = list(updated_node.body)
        if body:
            body[0] = _tidy_docstring(body[0])
        return updated_node.with_changes(body=body)


def _stripped(comment: cst.Comment) -> cst.Comment:
    return comment.with_changes(value=comment.value.rstrip())


def _tidy_docstring(statement: tree.TopLevel) -> tree.TopLevel:
    """Strip white space at the line ends of a docstring; no other string is touched."""
    if not isinstance(statement, cst.SimpleStatementLine) or not isinstance(statement.body[0], cst.Expr):
        return statement
    value = statement.body[0].value
    if not isinstance(value, cst.SimpleString) or len(value.quote) != 3 or "b" in value.prefix.lower():
        return statement
    lines = value.value.split("\n")
    stripped = "\n".join([line.rstrip() for line in lines[:-1]] + lines[-1:])
    expression = statement.body[0].with_changes(value=value.with_changes(value=stripped))
    return statement.with_changes(body=[expression, *statement.body[1:]])
