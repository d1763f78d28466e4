"""What a report is made of, before it is drawn: sections of lines, points and tables, all text."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Tone(StrEnum):
    """How a line is meant; the words say it too, colour only helps."""

    PLAIN = "plain"
    GOOD = "good"
    BAD = "bad"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """A labelled sentence."""

    label: str
    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True, kw_only=True)
class Point:
    """One piece of evidence, under the line before it."""

    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Table:
    """Rows under headers."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]
    numeric: tuple[str, ...] = ()
    """Columns whose cells stand to the right."""


Part = Line | Point | Table


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """A headed block."""

    title: str
    parts: tuple[Part, ...]
    about: str = ""
    """What the section is about, beside its title."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Sections, and the line to remember."""

    sections: tuple[Section, ...]
    conclusion: Line | None = None
