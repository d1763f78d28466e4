"""What a proof checked, what came closest to failing, and what it could not look at."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from tilewright.records.verdict import Check, Verdict
from tilewright.report import words
from tilewright.report.section import Line, Part, Point, Table

_TIMED = re.compile(r"\d s in the interpreter$|too long in the interpreter$|timed_out|ran out of time")
"""Ends what is said of a problem that was too slow here."""


def proof_parts(verdict: Verdict, *, machine: bool = True, device: str | None = None) -> Iterator[Part]:
    """Counts by dtype with the comparison that used most of its bound, then shapes, data, and what stays open.

    A fast machine fits more problems into the proof's time; without ``machine``, all that depends on it is left out.
    ``device`` is the GPU that the proof ran on; ``None``: in the interpreter.
    """
    where = "in Triton's interpreter" if device is None else f"on {device}"
    if verdict.checks and not machine:
        held = f"in {dtypes(verdict)}, each against float64; seed {verdict.seed}"
        yield Line(label="checked", text=f"{where}, {held}; how many shapes fit depends on the machine")
    elif verdict.checks:
        yield Line(label="checked", text=_counts(verdict.checks, where))
        rows = tuple(_row(dtype, verdict.checks) for dtype in dict.fromkeys(check.dtype for check in verdict.checks))
        yield Table(
            columns=("dtype", "checks", "worst error", "allowed", "input's", "measure and shape"),
            rows=rows,
            numeric=("checks", "worst error", "allowed", "input's"),
        )
        shapes = dict.fromkeys(_shapes(check) for check in verdict.checks)
        data = dict.fromkeys(check.distribution for check in verdict.checks)
        yield Line(label="shapes", text=", ".join(shapes))
        yield Line(label="data", text=f"{', '.join(data)}; seed {verdict.seed}")
    open_points = [sentence for sentence in verdict.unchecked if machine or not _TIMED.search(sentence)]
    for index, sentence in enumerate(open_points):
        if index == 0:
            yield Line(label="not checked", text=f"{words.count(len(open_points), 'thing')}:")
        yield Point(text=sentence)


def dtypes(verdict: Verdict) -> str:
    """The dtypes that were run, in words."""
    return words.listed(dict.fromkeys(check.dtype for check in verdict.checks))


def worst(checks: Iterable[Check]) -> Check | None:
    """The comparison that used most of what it was allowed; ``None`` where nothing had a bound above zero."""
    bounded = [check for check in checks if check.bound > 0]
    return max(bounded, key=lambda check: check.error / check.bound, default=None)


def _counts(checks: Sequence[Check], where: str) -> str:
    exact = sum(check.bound == 0 for check in checks)
    failed = sum(not check.passed for check in checks)
    held = "all hold" if not failed else f"{failed} fail"
    return (
        f"{words.count(len(checks), 'check')} {where}, {held}: {len(checks) - exact} errors against"
        f" float64, {exact} that must be exact (inputs kept, NaN and Inf positions, dtypes)"
    )


def _row(dtype: str, checks: Sequence[Check]) -> tuple[str, ...]:
    own = [check for check in checks if check.dtype == dtype]
    found = worst(own)
    if found is None:
        return (dtype, str(len(own)), words.NONE, words.NONE, words.NONE, "exact comparisons only")
    before = words.NONE if found.original_error is None else f"{found.original_error:.2e}"
    where = f"{found.name}, {_shapes(found)}, {found.distribution}"
    return (dtype, str(len(own)), f"{found.error:.2e}", f"{found.bound:.2e}", before, where)


def _shapes(check: Check) -> str:
    shapes = [words.extents(shape) for shape in check.shapes]
    return f"({', '.join(shapes)})" if len(shapes) > 1 else "".join(shapes) or "no tensors"
