"""Progress: what is written where nobody watches, and what stands on a terminal."""

from __future__ import annotations

import io
from collections.abc import Callable

import pytest
from rich.console import Console

from tilewright.records.progress import Progress
from tilewright.report.progress import LEAST_APART_S, Board, Lines, progress
from tilewright.report.progress_info import clock, progress_line, progress_row

FULL = Progress(
    step="timing 3 of 8",
    stage="block_tiling",
    built=24,
    proved=1,
    timed=8,
    best_us=863.0,
    best_ratio=3.0,
    provenance="measured",
    elapsed_s=75.0,
    left_s=120.0,
)


class Clock:
    def __init__(self) -> None:
        self.at = 100.0

    def __call__(self) -> float:
        return self.at


@pytest.fixture
def now() -> Clock:
    return Clock()


@pytest.fixture
def lines(now: Clock) -> tuple[Lines, Callable[[], list[str]]]:
    stream = io.StringIO()
    return Lines(stream, now=now), lambda: stream.getvalue().splitlines()


def test_each_step_is_one_line(lines: tuple[Lines, Callable[[], list[str]]]) -> None:
    told, written = lines
    for step in ("reading", "reading", "block_tiling: building", "block_tiling: proving"):
        told(step)
    assert written() == [
        "tilewright [0:00] reading",
        "tilewright [0:00] block_tiling: building",
        "tilewright [0:00] block_tiling: proving",
    ]


def test_steps_that_only_count_on_do_not_flood(lines: tuple[Lines, Callable[[], list[str]]], now: Clock) -> None:
    told, written = lines
    for index in range(1, 101):
        told(Progress(step=f"timing {index} of 100", stage="polish"))
        now.at += LEAST_APART_S / 10
    assert len(written()) == 10, "the first one waits for the second"
    assert written()[0] == "tilewright [0:00] polish: timing 1 of 100"


def test_a_line_says_what_is_known_and_no_more() -> None:
    line = "block_tiling: timing 3 of 8; 24 built, 1 proved, 8 timed, best so far 2,589 us -> 863 us measured"
    assert progress_line(FULL) == line
    assert progress_line(Progress(step="starting")) == "starting"
    assert progress_line(Progress(step="polish: proving", stage="polish")) == "polish: proving"


def test_a_row_counts_on_between_reports() -> None:
    row = progress_row(FULL, elapsed_s=78.0, since_s=3.0)
    assert row == ("block_tiling", "24", "1", "8", "2,589 us -> 863 us measured", "1:18", "1:57")
    assert progress_row(FULL, elapsed_s=300.0, since_s=200.0)[-1] == "0:00"
    assert progress_row(Progress(step="x"), elapsed_s=1.0, since_s=0.0)[-1] == "-"


def test_a_command_that_ends_in_its_first_step_has_said_nothing(
    lines: tuple[Lines, Callable[[], list[str]]],
) -> None:
    told, written = lines
    told("reading")
    assert written() == []


@pytest.mark.parametrize(("seconds", "said"), [(0, "0:00"), (65, "1:05"), (600, "10:00"), (3725, "1:02:05")])
def test_clock(seconds: float, said: str) -> None:
    assert clock(seconds) == said


def drawn(board: Board, *, width: int = 100) -> str:
    console = Console(file=io.StringIO(), width=width, force_terminal=True, color_system=None)
    console.print(board)
    written = console.file
    assert isinstance(written, io.StringIO)
    return written.getvalue()


def test_the_table_ticks_by_itself(now: Clock) -> None:
    board = Board(now=now)
    board(FULL)
    assert "1:15" in drawn(board)
    now.at += 10.0
    assert "1:25" in drawn(board)
    assert "1:50" in drawn(board)
    assert "[" not in drawn(board)


def test_a_step_alone_needs_no_table(now: Clock) -> None:
    board = Board(now=now)
    board("running the [wrapper]")
    now.at += 3.0
    assert "running the [wrapper] (0:03)" in drawn(board)
    assert "built" not in drawn(board)


def test_without_a_terminal_plain_lines_go_to_stderr(capsys: pytest.CaptureFixture[str]) -> None:
    with progress() as told:
        told("reading")
        told(FULL)
    written = capsys.readouterr()
    assert written.out == ""
    assert written.err.splitlines()[0] == "tilewright [0:00] reading"
    assert "\x1b" not in written.err


def test_a_dumb_terminal_gets_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("TERM", "dumb")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with progress() as told:
        told("reading")
        told("building")
    assert capsys.readouterr().err == "tilewright [0:00] reading\ntilewright [0:00] building\n"


def interrupted() -> None:
    with progress() as told:
        told(FULL)
        raise KeyboardInterrupt


def test_the_table_leaves_the_terminal_as_it_was(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("FORCE_COLOR", "1")
    with pytest.raises(KeyboardInterrupt):
        interrupted()
    written = capsys.readouterr().err
    assert written.count("\x1b[?25h") == written.count("\x1b[?25l") == 1
