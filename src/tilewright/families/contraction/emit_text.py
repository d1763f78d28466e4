"""Small pieces of source text: names that clash with nothing, index terms, long lines broken."""

from __future__ import annotations

import ast
import re
import textwrap
from collections.abc import Iterable, Mapping

from tilewright.source import syntax

LINE_LENGTH = 100
"""Emitted code is broken at this column."""


class Names:
    """Local names of one kernel: the usual word where it is free, the word with a number where it is not."""

    def __init__(self, taken: Iterable[str]) -> None:
        self.taken = set(taken)
        self._given: dict[str, str] = {}

    def __call__(self, word: str) -> str:
        """The name that stands for ``word`` in this kernel, the same each time."""
        if word not in self._given:
            name, count = word, 1
            while name in self.taken:
                count += 1
                name = f"{word}_{count}"
            self.taken.add(name)
            self._given[word] = name
        return self._given[word]


class Lines:
    """Source lines being written, with an indentation."""

    def __init__(self, indent: int = 0) -> None:
        self.indent = indent
        self.written: list[str] = []

    def add(self, *lines: str) -> None:
        """Add lines at the present indentation; a long assignment is broken at its plus signs."""
        for line in lines:
            pad = "    " * self.indent
            if len(pad) + len(line) > LINE_LENGTH and not line.lstrip().startswith("#"):
                self.written += [pad + part for part in _broken(line)]
            else:
                self.written.append(pad + line if line else "")

    def text(self) -> str:
        """Everything written, with a final newline."""
        return "\n".join(self.written) + "\n"


def fresh(word: str, taken: set[str]) -> str:
    """``word``, or ``word`` with a number where it is taken."""
    name, count = word, 1
    while name in taken:
        count += 1
        name = f"{word}_{count}"
    return name


def term(index: str, stride: str) -> str | None:
    """``index * stride``; ``None`` for stride 0. A product is written bare, so that a 64-bit index widens all of it."""
    if stride == "0":
        return None
    return index if stride == "1" else f"{index} * {factor(stride)}"


def factor(expression: str) -> str:
    """``expression`` as it may stand behind a ``*``."""
    return expression if _is_product(syntax.parse_expression(expression)) else f"({expression})"


def _is_product(node: ast.expr) -> bool:
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mult):
        return _is_product(node.left) and not isinstance(node.right, ast.BinOp) and _is_product(node.right)
    return isinstance(node, ast.Name | ast.Constant | ast.Call | ast.Attribute | ast.Subscript)


def is_atom(expression: str) -> bool:
    """Whether ``expression`` is a name, a number, a call or the like, which needs no parentheses anywhere."""
    node = syntax.parse_expression(expression)
    return isinstance(node, ast.Name | ast.Constant | ast.Call | ast.Attribute | ast.Subscript)


def names_in(text: str) -> tuple[str, ...]:
    """Identifiers in ``text``, each once, in order of appearance; attributes and keywords included."""
    return tuple(dict.fromkeys(re.findall(r"[A-Za-z_]\w*", text)))


def substitute(expression: str, values: Mapping[str, str]) -> str:
    """``expression`` with each name replaced by its text in ``values``, in parentheses where it needs them."""
    alone = expression in values

    def put(match: re.Match[str]) -> str:
        text = values.get(match[0], match[0])
        return text if alone or is_atom(text) else f"({text})"

    return re.sub(r"[A-Za-z_]\w*", put, expression)


def docstring(text: str, indent: int) -> list[str]:
    """``text`` as the lines of a docstring, wrapped, at ``indent`` levels."""
    pad = "    " * indent
    text = textwrap.dedent(text).strip().replace("\\", "/").replace('"""', "'''")
    lines: list[str] = []
    for line in text.splitlines():
        hang = " " * (len(line) - len(line.lstrip(" -*")))
        lines += textwrap.wrap(line, LINE_LENGTH - len(pad), subsequent_indent=hang, break_long_words=False) or [""]
    if len(lines) == 1 and len(pad) + len(lines[0]) + 6 <= LINE_LENGTH:
        return [f'{pad}"""{lines[0]}"""']
    return [f'{pad}"""{lines[0]}', *[(pad + line).rstrip() for line in lines[1:]], f'{pad}"""']


def _broken(line: str) -> list[str]:
    target, equals, value = line.partition(" = ")
    parts = _split_top(value, " + ") if equals else []
    if len(parts) > 1:
        return [f"{target} = (", f"    {parts[0]}", *[f"    + {part}" for part in parts[1:]], ")"]
    opening = line.find("(")
    if opening > 0 and line.endswith(")"):
        arguments = _split_top(line[opening + 1 : -1], ", ")
        return [line[: opening + 1], *[f"    {argument.rstrip(',')}," for argument in arguments], ")"]
    return [line]


def _split_top(text: str, separator: str) -> list[str]:
    """Split at separators that stand inside no bracket."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(text):
        depth += (character in "([{") - (character in ")]}")
        if depth < 0:
            return [text]
        if depth == 0 and text.startswith(separator, position):
            parts.append(text[start:position])
            start = position + len(separator)
    return [*parts, text[start:]]
