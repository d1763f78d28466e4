"""The parts of a prompt document: headings, fenced blocks, and the lines between them.

A document is plain text. Headings are ``[NAME]``, ``# Name`` or ``**Name**:``; code stands between fences. Nothing
that stands inside a fence is ever taken for a heading.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from tilewright.source.tree import syntax_fault

_FENCE = re.compile(r"^[ \t>]*(?P<mark>`{3,}|~{3,})[ \t]*(?P<info>[^`]*)$")
_BRACKET = re.compile(r"^\s*\[(?P<name>[A-Za-z][\w /&-]*)\]\s*:?\s*$")
_HASH = re.compile(r"^\s{0,3}#{1,6}\s+(?P<name>.*?)[\s#:*]*$")
_LABEL = re.compile(r"^[\s•*+-]*\*\*(?P<name>[^*]+?)\s*:?\s*\*\*\s*:?\s*(?P<rest>.*)$")
_PLAIN = re.compile(r"^\s*(?P<name>[A-Z][A-Z ]{4,}(?:\([^)]*\))?)\s*:\s*$")
_BULLET = re.compile(r"^[\s•‣▪◦·*+–—-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Heading:
    """A heading line. ``rank``: 0 for ``[NAME]`` and ``PLAIN CAPITALS:``, 1 to 6 for ``#``, 7 for ``**Name**``."""

    line: int
    name: str
    """In lower case, words parted by one space."""
    rank: int
    rest: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fence:
    """A fenced block."""

    info: str
    """First word after the opening fence, in lower case."""
    first_line: int
    """Line of the document on which ``text`` begins."""
    last_line: int
    """Line of the closing fence, or the last line of the block."""
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Document:
    """A prompt document cut into its parts; lines count from 1."""

    lines: tuple[str, ...]
    headings: tuple[Heading, ...]
    fences: tuple[Fence, ...]

    def end_of(self, heading: Heading) -> int:
        """The last line that belongs to ``heading``: up to the next one of its rank or above."""
        for other in self.headings:
            if other.line > heading.line and other.rank <= heading.rank:
                return other.line - 1
        return len(self.lines)

    def fenced(self, line: int) -> bool:
        """Whether ``line`` stands inside a fenced block or is one of its fences."""
        return any(fence.first_line - 1 <= line <= fence.last_line for fence in self.fences)

    def prose(self, first: int, last: int) -> list[tuple[int, str]]:
        """Numbered lines from ``first`` to ``last`` that stand in no fenced block."""
        return [(n, self.lines[n - 1]) for n in range(first, last + 1) if not self.fenced(n)]


def read_document(text: str) -> Document:
    """Cut ``text`` (with ``\\n`` line ends) into headings, fences and lines."""
    lines = tuple(text.split("\n"))
    fences: list[Fence] = []
    number = 1
    while number <= len(lines):
        opened = _FENCE.match(lines[number - 1])
        if opened is None:
            number += 1
            continue
        fence = _read_fence(lines, number, opened)
        fences.append(fence)
        number = fence.last_line + 1
    inside = {n for fence in fences for n in range(fence.first_line - 1, fence.last_line + 1)}
    headings = [
        heading
        for n, line in enumerate(lines, start=1)
        if n not in inside and (heading := read_heading(n, line)) is not None
    ]
    return Document(lines=lines, headings=tuple(headings), fences=tuple(fences))


def _read_fence(lines: tuple[str, ...], number: int, opened: re.Match[str]) -> Fence:
    """Read the block opened on line ``number``.

    A docstring may hold a fence of its own, so a Python block ends at the first closing fence up to which it is valid
    Python; where none is, at the first closing fence. A block that is never closed ends before the next ``[NAME]``.
    """
    mark = opened["mark"]
    info = (opened["info"].split() or [""])[0].lower()
    closings: list[int] = []
    stop = len(lines) + 1
    for n in range(number + 1, len(lines) + 1):
        line = lines[n - 1]
        bare = line.strip(" \t>")
        if len(bare) >= len(mark) and set(bare) == {mark[0]}:
            closings.append(n)
            if len(closings) == 8:
                break
        elif _ends_open_block(line):
            stop = n
            break
    indent = lines[number - 1][: opened.start("mark")]
    endings = closings or [stop]
    if info in ("python", "py", "python3", "") and len(endings) > 1:
        for ending in endings:
            if syntax_fault(_block(lines, number, ending, indent)) is None:
                endings = [ending]
                break
    text = _block(lines, number, endings[0], indent)
    last = endings[0] if closings else endings[0] - 1
    return Fence(info=info, first_line=number + 1, last_line=last, text=text)


def _ends_open_block(line: str) -> bool:
    bracket = _BRACKET.match(line)
    return bracket is not None and " " in bracket["name"].strip() and bracket["name"].isupper()


def _block(lines: tuple[str, ...], opening: int, ending: int, indent: str) -> str:
    body = [line.removeprefix(indent) for line in lines[opening : ending - 1]]
    return "\n".join(body) + "\n" if body else ""


def read_heading(number: int, line: str) -> Heading | None:
    """The heading that ``line`` is, or ``None``."""
    for rank, pattern in ((0, _BRACKET), (1, _HASH), (7, _LABEL), (0, _PLAIN)):
        match = pattern.match(line)
        if match is None:
            continue
        if pattern is _HASH:
            rank = len(line.strip()) - len(line.strip().lstrip("#"))
        rest = match["rest"].strip() if pattern is _LABEL else ""
        name = " ".join(re.sub(r"[*_`]", " ", match["name"]).lower().split())
        return Heading(line=number, name=name.rstrip(": "), rank=rank, rest=rest)
    return None


def strip_bullet(line: str) -> str:
    """``line`` without its bullet."""
    return _BULLET.sub("", line).strip()
