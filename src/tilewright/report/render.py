"""Draw sections with rich. No arithmetic: what is drawn was computed before."""

from __future__ import annotations

import io

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from tilewright.report.section import Line, Point, Report, Section, Table, Tone

LONGEST_LABEL = 14
"""A label with more characters gets a line of its own."""
NARROWEST, WIDEST, PLAIN_WIDTH = 72, 120, 100
"""Columns: a terminal's own width within these limits, and where there is no terminal."""
_BULLET = "-"
_STYLES = {Tone.PLAIN: "bold", Tone.GOOD: "bold green", Tone.BAD: "bold yellow"}


def render_text(report: Report, *, width: int, color: bool = False) -> str:
    """Return the report as text of at most ``width`` columns; the same report gives the same text."""
    console = Console(
        file=io.StringIO(),
        width=width,
        color_system="standard" if color else None,
        force_terminal=color,
        legacy_windows=False,
        no_color=not color,
        highlight=False,
        markup=False,
        emoji=False,
    )
    console.print(draw(report))
    written = console.file
    assert isinstance(written, io.StringIO)
    return "\n".join(line.rstrip() for line in written.getvalue().splitlines()) + "\n"


def show(report: Report, *, stderr: bool) -> None:
    """Print the report for people; plain text where there is no terminal, or where NO_COLOR asks for it."""
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=False)
    text = render_text(
        report,
        width=min(max(console.width, NARROWEST), WIDEST) if console.is_terminal else PLAIN_WIDTH,
        color=console.is_terminal and console.color_system is not None and not console.no_color,
    )
    console.file.write(text)
    console.file.flush()


def draw(report: Report) -> RenderableType:
    """The whole report, a blank line between sections."""
    drawn: list[RenderableType] = []
    for section in report.sections:
        drawn += [_section(section), Text("")]
    if report.conclusion is not None:
        drawn.append(_conclusion(report.conclusion))
    return Group(*drawn)


def _section(section: Section) -> RenderableType:
    title = Text.assemble((section.title, "bold"), f"  {section.about}" if section.about else "")
    labels = [len(part.label) for part in section.parts if isinstance(part, Line) and len(part.label) <= LONGEST_LABEL]
    column = max([len(_BULLET), *labels]) if any(labels) else 0
    return Group(title, *(Padding(_part(part, column), (0, 0, 0, 2)) for part in section.parts))


def _part(part: Line | Point | Table, column: int) -> RenderableType:
    """One part; ``column`` is the width of the section's labels, 0 where it has none."""
    if isinstance(part, Line):
        return _line(part, column)
    if isinstance(part, Point):
        bullet = _hanging(Text(_BULLET), Text(part.text), len(_BULLET))
        return Padding(bullet, (0, 0, 0, column + 2)) if column else bullet
    return _table(part)


def _line(line: Line, column: int) -> RenderableType:
    label = Text(line.label, style="cyan" if line.tone is Tone.PLAIN else _STYLES[line.tone])
    if len(line.label) <= LONGEST_LABEL:
        return _hanging(label, Text(line.text), column)
    return Group(label, _hanging(Text(""), Text(line.text), column))


def _hanging(label: Text, text: Text, column: int) -> Grid:
    """A label, and text that wraps beside it."""
    grid = Grid.grid(padding=(0, 1 if label.plain == _BULLET else 2, 0, 0), pad_edge=False)
    grid.add_column(no_wrap=True, min_width=column)
    grid.add_column(ratio=1, overflow="fold")
    grid.add_row(label, text)
    return grid


def _table(table: Table) -> Grid:
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    for index, column in enumerate(table.columns):
        # Only cells that have somewhere to break may wrap; rich would cut off what may not and does not fit.
        one_word = not any(" " in row[index] for row in table.rows)
        grid.add_column(
            Text(column),
            justify="right" if column in table.numeric else "left",
            no_wrap=one_word,
            overflow="fold",
        )
    for row in table.rows:
        grid.add_row(*(Text(cell) for cell in row))
    return grid


def _conclusion(line: Line) -> RenderableType:
    return Text.assemble((line.label, _STYLES[line.tone]), "  ", line.text)
