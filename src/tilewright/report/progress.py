"""What is being done right now, for whoever waits: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import re
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TextIO

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.spinner import Spinner
from rich.table import Table
from rich.text import Text

from tilewright.records.progress import Progress
from tilewright.report.progress_info import COLUMNS, as_progress, clock, progress_line, progress_row

REFRESHES_PER_SECOND = 4.0
LEAST_APART_S = 5.0
"""Seconds between two lines that differ in numbers alone: what lies between them is passed over."""

Told = str | Progress
Watcher = Callable[[Told], None]


@contextmanager
def progress() -> Iterator[Watcher]:
    """Give a function that is told a step, or a whole Progress, and shows it on stderr; it may be called from any
    thread. The table is gone from the terminal when the block ends, and so is the cursor's hiding."""
    console = Console(stderr=True)
    if not console.is_terminal or console.is_dumb_terminal:
        yield Lines(sys.stderr)
        return
    board = Board()
    with Live(board, console=console, refresh_per_second=REFRESHES_PER_SECOND, transient=True):
        yield board


class Lines:
    """One line for each new step, with the time since the beginning, in words that a log can keep.

    The first waits for the second: a command that ends in its first step, on a bad input, says that and no more.
    """

    def __init__(self, stream: TextIO, *, now: Callable[[], float] = time.monotonic) -> None:
        """Write to ``stream``; ``now`` gives seconds of a clock that only goes forward."""
        self._stream, self._now, self._began = stream, now, now()
        self._lock = threading.Lock()
        self._last = ("", "")
        self._at = 0.0
        self._first: str | None = None

    def __call__(self, told: Told) -> None:
        """Write a line for another step; for the same step with other numbers in it, only once in a while."""
        one = as_progress(told)
        step, now = (one.stage, one.step), self._now()
        with self._lock:
            if step == self._last or (_kind(step) == _kind(self._last) and now - self._at < LEAST_APART_S):
                return
            self._last, self._at = step, now
            line = f"tilewright [{clock(now - self._began)}] {progress_line(one)}\n"
            if self._first is None:
                self._first = line
                return
            self._stream.write(self._first + line)
            self._stream.flush()
            self._first = ""


class Board:
    """A table that counts on by itself between two reports; rich draws it anew several times a second."""

    def __init__(self, *, now: Callable[[], float] = time.monotonic) -> None:
        """``now`` gives seconds of a clock that only goes forward."""
        self._now = now
        self._began = self._said = now()
        self._told = Progress(step="starting")
        self._spinner = Spinner("dots")

    def __call__(self, told: Told) -> None:
        """Take what was said; it shows at the next refresh."""
        one = as_progress(told)
        now = self._now()
        if not isinstance(told, str) and one.elapsed_s:
            self._began = now - one.elapsed_s
        self._told, self._said = one, now

    def __rich__(self) -> RenderableType:
        """The step, under it the counts where there are any."""
        now, one = self._now(), self._told
        row = progress_row(one, elapsed_s=now - self._began, since_s=now - self._said)
        self._spinner.update(text=Text(one.step if one.stage else f"{one.step} ({row[5]})"))
        if not (one.stage or one.built or one.best_us is not None):
            return self._spinner
        table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
        for column in COLUMNS:
            table.add_column(column, justify="right" if column in COLUMNS[1:4] else "left", no_wrap=True)
        table.add_row(*(Text(cell) for cell in row))
        return Group(table, self._spinner)


def _kind(step: tuple[str, str]) -> tuple[str, str]:
    """Stage and step without their numbers."""
    return step[0], re.sub(r"\d+", "#", step[1])
