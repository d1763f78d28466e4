"""What a page is made of, before it is drawn: text, and points in the pixels of a drawing. Nothing here computes."""

from __future__ import annotations

from dataclasses import dataclass

from tilewright.report.section import Tone


@dataclass(frozen=True, slots=True, kw_only=True)
class Sentence:
    """A paragraph."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Points:
    """Sentences, one a line."""

    items: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Labels with what stands to them."""

    rows: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Grid:
    """A table; the first cell of each row is its header."""

    caption: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[str, ...] = ()
    """Columns whose cells stand to the right."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A mark on an axis, ``at`` pixels along it."""

    at: float
    label: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A line through points, as SVG writes them."""

    points: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """One value. ``title`` is what it says when it is pointed at."""

    x: float
    y: float
    kind: str
    title: str
    shape: str = "circle"
    """``circle``, or ``triangle`` for a value beyond the axis."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Bar:
    """A value as a length."""

    x: float
    y: float
    width: float
    height: float
    kind: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Label:
    """Words in a drawing."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    kind: str = "note"
    angle: float = 0.0
    """Degrees, clockwise, round the label's own point."""


Mark = Line | Dot | Bar | Label


@dataclass(frozen=True, slots=True, kw_only=True)
class Drawing:
    """One chart at one width, in pixels."""

    width: float
    height: float
    left: float
    top: float
    right: float
    bottom: float
    x_ticks: tuple[Tick, ...]
    y_ticks: tuple[Tick, ...]
    x_label: str
    y_label: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """What one kind of mark stands for."""

    kind: str
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """A chart, drawn once for a wide page and once for a phone, with the words that say what it shows."""

    name: str
    title: str
    description: str
    wide: Drawing
    narrow: Drawing
    keys: tuple[Key, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Piece:
    """Characters of one line of code that look the same."""

    text: str
    token: str = ""
    """Class of the highlighting; empty for plain code."""
    marked: bool = False
    """Not in the other file's line."""


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeRow:
    """A line of the input beside a line of the output; a number is empty where a file has none."""

    kind: str
    """``same``, ``changed``, ``removed`` or ``added``."""
    left_number: str
    left: tuple[Piece, ...]
    right_number: str
    right: tuple[Piece, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class CodeBlock:
    """Rows in order; with a ``summary``, folded under it."""

    rows: tuple[CodeRow, ...]
    summary: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class SideBySide:
    """Two files beside each other."""

    left_title: str
    right_title: str
    blocks: tuple[CodeBlock, ...]
    unified: str
    """The same difference as one text, for Markdown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Download:
    """A file that lies in the page."""

    text: str
    file_name: str
    url: str
    """A ``data:`` URL with all of it."""
    use: str
    """What to do with it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fold:
    """Parts that stand folded under a line."""

    summary: str
    parts: tuple[Part, ...]


Part = Sentence | Points | Facts | Grid | Chart | SideBySide | Download | Fold


@dataclass(frozen=True, slots=True, kw_only=True)
class Block:
    """A headed section of the page. ``key`` is its anchor."""

    key: str
    title: str
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Headline:
    """What to remember."""

    verdict: str
    """One word in capitals."""
    tone: Tone
    figure: str
    """The speed-up; empty where there is none."""
    interval: str
    provenance: str
    """``measured`` or ``predicted``; empty without a figure."""
    sentence: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The whole report."""

    title: str
    subtitle: str
    headline: Headline
    blocks: tuple[Block, ...]
    footer: str
