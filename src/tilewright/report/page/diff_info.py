"""Input and output side by side: lines that belong together in one row, and what changed within them marked."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import SequenceMatcher, unified_diff

from tilewright.report import words
from tilewright.report.page.basis import Basis
from tilewright.report.page.highlight import Run, pieces, token_runs
from tilewright.report.page.model import Block, CodeBlock, CodeRow, Sentence, SideBySide
from tilewright.report.page.reading import text

CONTEXT = 3
"""Unchanged lines shown on either side of a change."""
ALIKE = 0.45
"""Share of tokens that two lines have in common before they stand in one row."""
BLANK = 0.1
"""What it counts for that two blank lines stand in one row."""
MOST_PAIRS = 20_000
"""Pairs of lines of one change that are compared; a larger change is shown as removed, then added."""
MOST_LINES = 4_000
"""Lines of either file up to which a difference is shown."""
_TOKENS = re.compile(r"\w+|\s+|[^\w\s]")
Span = tuple[int, int]


def diff_block(basis: Basis) -> Block:
    """The two files, or why they are not shown."""
    title = "Input and output, side by side"
    before, after = text(basis.document, "texts", "input"), text(basis.document, "texts", "output")
    parts: tuple[Sentence | SideBySide, ...]
    if not before or not after:
        why = "The document holds no source text: `optimize --json` writes none; a report of a stored run shows it."
        if before and not basis.finished:
            why = "The run had no output yet."
        parts = (Sentence(text=why),)
    elif before == after and not basis.finished:
        parts = (Sentence(text="Nothing had been kept when the run ended: the output was still the input."),)
    elif before == after:
        parts = (Sentence(text="The output is the input, character by character."),)
    elif max(before.count("\n"), after.count("\n")) > MOST_LINES:
        parts = (Sentence(text=f"The files are longer than {MOST_LINES:,} lines; compare them with a diff tool."),)
    else:
        parts = (side_by_side(before, after),)
    return Block(key="code", title=title, parts=parts)


def side_by_side(before: str, after: str) -> SideBySide:
    """Both texts, unchanged stretches folded but for a few lines."""
    left, right = before.split("\n"), after.split("\n")
    pair = _Pair(left, right)
    blocks: list[CodeBlock] = []
    codes = _opcodes(left, right)
    for index, (tag, i1, i2, j1, j2) in enumerate(codes):
        if tag == "equal":
            rows = [pair.same(i, j) for i, j in zip(range(i1, i2), range(j1, j2), strict=True)]
            blocks += _folded(rows, first=index == 0, last=index == len(codes) - 1)
        else:
            blocks.append(CodeBlock(rows=tuple(pair.changed(range(i1, i2), range(j1, j2)))))
    old, new = ([line.rstrip() for line in lines] for lines in (left, right))
    unified = "\n".join(unified_diff(old, new, "input", "output", lineterm="", n=CONTEXT))
    shown = tuple(block for block in blocks if block.rows)
    return SideBySide(left_title="Input", right_title="Output", blocks=shown, unified=unified)


def _opcodes(left: Sequence[str], right: Sequence[str]) -> list[tuple[str, int, int, int, int]]:
    """What to do with each stretch of lines. Blanks at a line's end make no difference, and a blank line between two
    changes belongs to them: it would only tear apart what goes together."""
    trimmed = [[line.rstrip() for line in lines] for lines in (left, right)]
    found: list[tuple[str, int, int, int, int]] = []
    codes = SequenceMatcher(None, trimmed[0], trimmed[1], autojunk=False).get_opcodes()
    for index, (tag, i1, i2, j1, j2) in enumerate(codes):
        inner = 0 < index < len(codes) - 1
        changed = tag != "equal" or (inner and not any(trimmed[0][i1:i2]))
        if changed and found and found[-1][0] == "replace":
            found[-1] = ("replace", found[-1][1], i2, found[-1][3], j2)
        else:
            found.append(("replace" if changed else "equal", i1, i2, j1, j2))
    return found


class _Pair:
    """Two files' lines with their highlighting."""

    def __init__(self, left: Sequence[str], right: Sequence[str]) -> None:
        self.left, self.right = left, right
        self.left_runs, self.right_runs = (_padded(lines) for lines in (left, right))

    def same(self, i: int, j: int) -> CodeRow:
        return CodeRow(
            kind="same",
            left_number=str(i + 1),
            left=pieces(self.left[i], self.left_runs[i]),
            right_number=str(j + 1),
            right=pieces(self.right[j], self.right_runs[j]),
        )

    def changed(self, left: range, right: range) -> list[CodeRow]:
        rows: list[CodeRow] = []
        for i, j in _aligned([self.left[i] for i in left], [self.right[j] for j in right]):
            rows.append(self._row(None if i is None else left[i], None if j is None else right[j]))
        return rows

    def _row(self, i: int | None, j: int | None) -> CodeRow:
        spans: tuple[list[Span], list[Span]] = ([], [])
        if i is not None and j is not None:
            if self.left[i].rstrip() == self.right[j].rstrip():
                return self.same(i, j)
            spans = _marks(self.left[i], self.right[j])
        kind = "added" if i is None else "removed" if j is None else "changed"
        return CodeRow(
            kind=kind,
            left_number="" if i is None else str(i + 1),
            left=() if i is None else pieces(self.left[i], self.left_runs[i], spans[0]),
            right_number="" if j is None else str(j + 1),
            right=() if j is None else pieces(self.right[j], self.right_runs[j], spans[1]),
        )


def _padded(lines: Sequence[str]) -> list[list[Run]]:
    runs = token_runs("\n".join(lines))
    return runs + [[] for _ in range(len(lines) - len(runs))]


def _folded(rows: list[CodeRow], *, first: bool, last: bool) -> list[CodeBlock]:
    """Open rows next to a change; what lies further from any is folded."""
    head = 0 if first else CONTEXT
    tail = 0 if last else CONTEXT
    hidden = rows[head : len(rows) - tail]
    if len(hidden) <= CONTEXT:
        return [CodeBlock(rows=tuple(rows))]
    summary = f"{words.count(len(hidden), 'unchanged line')}, from line {hidden[0].left_number} on"
    shown = [CodeBlock(rows=tuple(rows[:head])), CodeBlock(rows=tuple(hidden), summary=summary)]
    return [*shown, CodeBlock(rows=tuple(rows[len(rows) - tail :]))]


def _aligned(left: Sequence[str], right: Sequence[str]) -> list[tuple[int | None, int | None]]:
    """Pair the lines of one change so that alike ones meet, in order; the rest stand alone, left before right."""
    if not left or not right or len(left) * len(right) > MOST_PAIRS:
        return [*((i, None) for i in range(len(left))), *((None, j) for j in range(len(right)))]
    tokens = [[_TOKENS.findall(line.strip()) for line in lines] for lines in (left, right)]
    score = [[_alike(one, other) for other in tokens[1]] for one in tokens[0]]
    best = [[0.0] * (len(right) + 1) for _ in range(len(left) + 1)]
    for i in range(len(left) - 1, -1, -1):
        for j in range(len(right) - 1, -1, -1):
            best[i][j] = max(best[i + 1][j], best[i][j + 1], score[i][j] + best[i + 1][j + 1])
    found: list[tuple[int | None, int | None]] = []
    i = j = 0
    while i < len(left) and j < len(right):
        if score[i][j] > 0 and best[i][j] == score[i][j] + best[i + 1][j + 1]:
            found.append((i, j))
            i, j = i + 1, j + 1
        elif best[i][j] == best[i + 1][j]:
            found.append((i, None))
            i += 1
        else:
            found.append((None, j))
            j += 1
    return [*found, *((k, None) for k in range(i, len(left))), *((None, k) for k in range(j, len(right)))]


def _alike(one: Sequence[str], other: Sequence[str]) -> float:
    """Share of tokens, 0 below the least that counts; two blank lines meet where nothing better does."""
    if not one or not other:
        return 0.0 if one or other else BLANK
    ratio = SequenceMatcher(None, one, other, autojunk=False).ratio()
    return ratio if ratio >= ALIKE else 0.0


def _marks(left: str, right: str) -> tuple[list[Span], list[Span]]:
    """Columns of either line that the other does not have, by whole tokens."""
    tokens = [list(_TOKENS.finditer(line)) for line in (left, right)]
    one, other = ([token.group() for token in line] for line in tokens)
    spans: tuple[list[Span], list[Span]] = ([], [])
    for tag, i1, i2, j1, j2 in SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        if tag == "equal":
            continue
        for side, start, end in ((0, i1, i2), (1, j1, j2)):
            said = [token for token in tokens[side][start:end] if not token.group().isspace()]
            if said:
                spans[side].append((said[0].start(), said[-1].end()))
    return spans
