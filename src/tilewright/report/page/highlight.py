"""Python source as pieces of lines, each with the class of its token."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise

from pygments.lexers import PythonLexer
from pygments.token import Comment, Keyword, Name, Number, Operator, String, _TokenType

from tilewright.report.page.model import Piece

Run = tuple[int, int, str]
"""Columns from, to, and the token's class."""

_CLASSES = (
    (Comment, "tc"),
    (String, "ts"),
    (Number, "tn"),
    (Keyword, "tk"),
    (Operator.Word, "tk"),
    (Name.Decorator, "td"),
    (Name.Function, "tf"),
    (Name.Class, "tf"),
    (Name.Builtin, "tb"),
)


def token_runs(source: str) -> list[list[Run]]:
    """Each line's runs of highlighted columns, in order; columns in no run are plain. Never fails: what is not Python
    is plain."""
    lines: list[list[Run]] = [[]]
    column = 0
    lexer = PythonLexer(stripnl=False, ensurenl=False)
    for kind, value in lexer.get_tokens(source):
        token = _class_of(kind)
        for index, stretch in enumerate(value.split("\n")):
            if index:
                lines.append([])
                column = 0
            if stretch and token:
                lines[-1].append((column, column + len(stretch), token))
            column += len(stretch)
    return lines


def pieces(line: str, runs: Sequence[Run], marked: Iterable[tuple[int, int]] = ()) -> tuple[Piece, ...]:
    """A line cut wherever its token or its mark changes."""
    spans = list(marked)
    ends = {0, len(line), *(at for run in (*runs, *((a, b, "") for a, b in spans)) for at in run[:2])}
    found: list[Piece] = []
    for start, end in pairwise(sorted(at for at in ends if 0 <= at <= len(line))):
        token = next((name for a, b, name in runs if a <= start < b), "")
        inside = any(a <= start < b for a, b in spans)
        if found and (found[-1].token, found[-1].marked) == (token, inside):
            found[-1] = Piece(text=found[-1].text + line[start:end], token=token, marked=inside)
        else:
            found.append(Piece(text=line[start:end], token=token, marked=inside))
    return tuple(found)


def _class_of(kind: _TokenType) -> str:
    return next((name for wanted, name in _CLASSES if kind in wanted), "")
