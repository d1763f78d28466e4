"""How far a run has come, in words: one row of a table, or one line of a log."""

from __future__ import annotations

from tilewright.records.progress import Progress
from tilewright.report import words

COLUMNS = ("stage", "built", "proved", "timed", "best so far", "took", "left")


def as_progress(told: str | Progress) -> Progress:
    """A step alone is a progress of which nothing else is known."""
    return Progress(step=told) if isinstance(told, str) else told


def progress_row(one: Progress, *, elapsed_s: float, since_s: float) -> tuple[str, ...]:
    """The cells under :data:`COLUMNS`.

    Args:
        one: what was said last.
        elapsed_s: seconds since the run began, now.
        since_s: seconds since ``one`` was said: what is left has shrunk by them.
    """
    left = words.NONE if one.left_s is None else clock(max(0.0, one.left_s - since_s))
    counts = (words.count(number) for number in (one.built, one.proved, one.timed))
    return (one.stage or words.NONE, *counts, best(one) or words.NONE, clock(elapsed_s), left)


def progress_line(one: Progress) -> str:
    """``block_tiling: proving matmul; 24 built, 1 proved, 8 timed, best so far 863 us measured``."""
    said = one.step if not one.stage or one.step.startswith(one.stage) else f"{one.stage}: {one.step}"
    counts = ((one.built, "built"), (one.proved, "proved"), (one.timed, "timed"))
    known = [f"{words.count(number)} {what}" for number, what in counts if number]
    found = best(one)
    known += [f"best so far {found}"] if found else []
    return f"{said}; {', '.join(known)}" if known else said


def best(one: Progress) -> str:
    """The input's time and the best one; a ratio alone would lack its interval."""
    if one.best_us is None:
        return ""
    before = "" if one.best_ratio is None else f"{words.microseconds(one.best_us * one.best_ratio)} -> "
    return f"{before}{words.microseconds(one.best_us)} {one.provenance}"


def clock(seconds: float) -> str:
    """``1:05``, or ``1:02:05`` from an hour on."""
    whole = int(seconds)
    minutes = f"{whole // 60 % 60:02d}:{whole % 60:02d}"
    return f"{whole // 3600}:{minutes}" if whole >= 3600 else minutes.removeprefix("0")
