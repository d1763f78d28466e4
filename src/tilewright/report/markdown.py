"""A page as Markdown for a pull request: what decides stands open, the rest is folded."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from tilewright.report.page.model import (
    Block,
    Chart,
    Download,
    Facts,
    Fold,
    Grid,
    Page,
    Part,
    Points,
    Sentence,
    SideBySide,
)

LONGEST = 60_000
"""Characters; GitHub takes 65,536 in one comment."""
OPEN = frozenset({"summary", "stages"})
"""Sections that are not folded."""
_SPECIAL = re.compile(r"[&@#]|:(?=//)|[\\`*\[\]<>|~$]|(?<!\w)_+|_+(?!\w)")
_ENTITIES = {"&": "&amp;", "@": "&#64;", "#": "&#35;", ":": "&#58;"}
"""What GitHub would make an entity, a mention, a reference or a link of; all else takes a backslash."""


def render_markdown(page: Page) -> str:
    """Return the page as GitHub's Markdown, no longer than it takes; the code goes first where it is too long."""
    whole = _page(page, code=True)
    return whole if len(whole) <= LONGEST else _cut(_page(page, code=False))


def _page(page: Page, *, code: bool) -> str:
    head = page.headline
    figure = f" {escape(f'{head.figure} {head.interval} ({head.provenance})')}" if head.figure else ""
    lines = [f"## Tilewright: {escape(page.title)}", "", f"**{head.verdict}{figure}**. {escape(head.sentence)}"]
    lines += ["", escape(page.subtitle), ""]
    for block in page.blocks:
        lines += _block(block, code=code)
    lines.append(f"<sub>{escape(page.footer.partition('. ')[0])}</sub>")
    return "\n".join(lines) + "\n"


def _block(block: Block, *, code: bool) -> Iterator[str]:
    if block.key in OPEN:
        yield from (f"### {escape(block.title)}", "")
        yield from _parts(block.parts, code=code)
    else:
        yield from ("<details>", f"<summary><b>{escape(block.title)}</b></summary>", "")
        yield from _parts(block.parts, code=code)
        yield from ("</details>", "")


def _parts(parts: Sequence[Part], *, code: bool) -> Iterator[str]:
    for part in parts:
        match part:
            case Sentence(text=text):
                yield from (escape(text), "")
            case Points(items=items):
                yield from (*(f"- {escape(item)}" for item in items), "")
            case Facts(rows=rows):
                yield from _table(("", ""), rows, ())
            case Grid(caption=caption, columns=columns, rows=rows, numeric=numeric):
                yield from (escape(caption), "")
                yield from _table(columns, rows, numeric)
            case Chart(description=description):
                yield from (escape(description), "")
            case SideBySide(unified=unified):
                yield from _code(unified) if code else ("The difference is too long for a comment.", "")
            case Fold(summary=summary, parts=inner):
                yield from ("<details>", f"<summary>{escape(summary)}</summary>", "")
                yield from _parts(inner, code=code)
                yield from ("</details>", "")
            case Download(text=text):
                yield from (escape(f"{text}: in the HTML report."), "")


def _table(columns: Sequence[str], rows: Sequence[Sequence[str]], numeric: Sequence[str]) -> Iterator[str]:
    yield _row(columns)
    yield _row(["---:" if column in numeric else "---" for column in columns], raw=True)
    yield from (_row(row) for row in rows)
    yield ""


def _row(cells: Sequence[str], *, raw: bool = False) -> str:
    return f"| {' | '.join(cell if raw else escape(cell) for cell in cells)} |"


def _code(text: str) -> Iterator[str]:
    """A fence longer than any run of backticks within."""
    longest = max((len(run) for run in re.findall(r"`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    yield from (f"{fence}diff", text, fence, "")


def escape(text: str) -> str:
    """The text in one line, with nothing in it that Markdown would read."""
    return _SPECIAL.sub(_written, " ".join(text.split()))


def _written(found: re.Match[str]) -> str:
    return _ENTITIES.get(found.group(), "".join(f"\\{one}" for one in found.group()))


def _cut(text: str) -> str:
    """The beginning, in whole lines; what was open is closed."""
    if len(text) <= LONGEST:
        return text
    kept = text[:LONGEST].rsplit("\n", 1)[0]
    closing = "\n</details>" * (kept.count("<details>") - kept.count("</details>"))
    return f"{kept}\n{closing}\n\nThe rest is too long for a comment.\n"
