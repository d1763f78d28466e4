"""Triton IR as text: what of it decides the binary."""

from __future__ import annotations

import re

# A quoted string is matched first, so that "loc(" inside one (a message of tl.device_assert) is left alone.
_STRING = r'"(?:[^"\\]|\\.)*"'
_LOC_OPENING = re.compile(rf"(?P<string>{_STRING})|(?P<loc>\s+loc\()")
_PARENTHESIS = re.compile(rf"{_STRING}|(?P<open>\()|(?P<close>\))")


def strip_locations(ttir: str) -> str:
    """Return ``ttir`` without its source locations.

    Locations name files and lines of the machine that captured the kernel. They do not change the code, and without
    them the same kernel gives the same text wherever its file lies, on every Triton version that lowers it alike.
    """
    lines = (line for line in ttir.splitlines() if not line.startswith("#loc"))
    return "\n".join(_strip_line(line).rstrip() for line in lines).strip("\n") + "\n"


def _strip_line(line: str) -> str:
    kept: list[str] = []
    position = 0
    while (match := _LOC_OPENING.search(line, position)) is not None:
        if match["string"] is not None:
            kept.append(line[position : match.end()])
            position = match.end()
            continue
        end = _closing(line, match.end())
        if end is None:
            break
        kept.append(line[position : match.start()])
        position = end
    return "".join(kept) + line[position:]


def _closing(line: str, position: int) -> int | None:
    """Return the place after the ``)`` that closes the parenthesis opened before ``position``."""
    depth = 1
    for match in _PARENTHESIS.finditer(line, position):
        depth += 1 if match["open"] else -1 if match["close"] else 0
        if depth == 0:
            return match.end()
    return None
