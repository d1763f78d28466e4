"""Draw sections with rich. No arithmetic: what is drawn was computed before."""

from __future__ import annotations

import io

from rich.console import Console, Group, RenderableType
from rich.padding import Padding
from rich.table import Table as Grid
from rich.text import Text

from tilewright.report.section import Line, Point, Report, Section, Table, Tone

LABEL_COLUMN = 11
"""Where the text of labelled lines begins, so that sections line up."""
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
    """Print the report for people: at the terminal's width, or at 100 columns where there is none."""
    console = Console(stderr=stderr, highlight=False, markup=False, emoji=False, soft_wrap=False)
    text = render_text(
        report,
        width=console.width if console.is_terminal else 100,
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
    title = Text(section.title, style="bold")
    if section.about:
        title.append(f"  {section.about}", style="default")
    drawn: list[RenderableType] = [title]
    for part in section.parts:
        drawn.append(Padding(_part(part), (0, 0, 0, 2)))
    return Group(*drawn)


def _part(part: Line | Point | Table) -> RenderableType:
    if isinstance(part, Line):
        return _line(part)
    if isinstance(part, Point):
        return _hanging(Text(""), Text.assemble("- ", part.text))
    return _table(part)


def _line(line: Line) -> RenderableType:
    style = "cyan" if line.tone is Tone.PLAIN else _STYLES[line.tone]
    return _hanging(Text(line.label, style=style), Text(line.text))


def _hanging(label: Text, text: Text) -> Grid:
    """A label, and text that wraps beside it; a long label only takes more of the line."""
    grid = Grid.grid(padding=(0, 1), pad_edge=False)
    grid.add_column(no_wrap=True, min_width=LABEL_COLUMN - 1)
    grid.add_column(ratio=1, overflow="fold")
    grid.add_row(label, text)
    return grid


def _table(table: Table) -> Grid:
    grid = Grid(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold", show_edge=False)
    for column in table.columns:
        last = column == table.columns[-1]
        grid.add_column(
            Text(column),
            justify="right" if column in table.numeric else "left",
            no_wrap=not last,
            overflow="fold",
        )
    for row in table.rows:
        grid.add_row(*(Text(cell) for cell in row))
    return grid


def _conclusion(line: Line) -> RenderableType:
    return Text.assemble((line.label, _STYLES[line.tone]), "  ", line.text)
