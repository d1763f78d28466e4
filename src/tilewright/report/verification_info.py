"""One verification as a report: the verdict first, then what was checked, what was not, and where it ran."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import isfinite

from tilewright.records.verdict import Check, Status
from tilewright.records.verification import Verification
from tilewright.report import words
from tilewright.report.proof_info import worst
from tilewright.report.section import Line, Part, Point, Report, Section, Table, Tone


def verdict_line(one: Verification) -> str:
    """``proved``, ``refuted: why`` or ``undecided: why``: one line for programs."""
    status = one.verdict.status
    return status.value if status is Status.PROVED else f"{status.value}: {' '.join(one.verdict.reason.split())}"


def verification_info(one: Verification, *, machine: bool = True) -> Report:
    """Everything that ``verify`` found.

    Args:
        one: the finished verification.
        machine: also say what differs between machines and runs: seconds and versions.
    """
    sections = [
        Section(title=one.verdict.status.value.upper(), about=_about(one), parts=tuple(_verdict(one))),
        *_checked(one.verdict.checks),
        *_open(one.verdict.unchecked),
        Section(title="RAN", about=_where(one), parts=tuple(_ran(one, machine=machine))),
    ]
    return Report(sections=tuple(sections))


def _about(one: Verification) -> str:
    claim = one.claim
    against = [file.path for file in (claim.reference, claim.original) if file is not None]
    return f"{claim.candidate.path} against {words.listed(against)}"


def _verdict(one: Verification) -> Iterator[Part]:
    tone = Tone.GOOD if one.proved else Tone.BAD
    yield Line(label="reason", text=one.verdict.reason, tone=tone)
    check = one.evidence
    if check is not None:
        yield Line(label="check", text=check.name)
        yield Line(label="input", text=_case(check))
        yield Line(label="by", text=_by_how_much(check))


def _by_how_much(check: Check) -> str:
    if check.bound == 0:
        return check.detail or "it must be exact, and is not"
    before = "" if check.original_error is None else f"; the original's is {_figure(check.original_error)}"
    detail = f"; {check.detail}" if check.detail else ""
    return f"{_figure(check.error)}, where {_figure(check.bound)} is allowed{before}{detail}"


def _checked(checks: Sequence[Check]) -> Iterator[Section]:
    if not checks:
        return
    failed = sum(not check.passed for check in checks)
    held = "all hold" if not failed else f"{words.count(failed, 'fails', 'fail')}"
    rows = tuple(_row(name, checks) for name in dict.fromkeys(check.name for check in checks))
    table = Table(
        columns=("check", "times", "fail", "worst error", "allowed", "original's", "at"),
        rows=rows,
        numeric=("times", "fail", "worst error", "allowed", "original's"),
    )
    yield Section(title="CHECKED", about=f"{words.count(len(checks), 'check')}, {held}", parts=(table,))


def _row(name: str, checks: Sequence[Check]) -> tuple[str, ...]:
    own = [check for check in checks if check.name == name]
    failing = [check for check in own if not check.passed]
    found = worst(failing) or worst(own)
    counts = (name, str(len(own)), str(len(failing)) if failing else words.NONE)
    if found is None:
        return (*counts, words.NONE, "exact", words.NONE, _case(failing[0]) if failing else words.NONE)
    before = words.NONE if found.original_error is None else _figure(found.original_error)
    return (*counts, _figure(found.error), _figure(found.bound), before, _case(found))


def _open(unchecked: Sequence[str]) -> Iterator[Section]:
    if unchecked:
        parts = tuple(Point(text=sentence) for sentence in unchecked)
        yield Section(title="NOT CHECKED", about=words.count(len(unchecked), "thing"), parts=parts)


def _where(one: Verification) -> str:
    if one.device == "interpreter":
        return "in Triton's interpreter, no GPU"
    driver = "" if one.driver is None else f", driver {one.driver}"
    return f"{one.device}{driver}" + ("" if one.architecture is None else f", compiled for {one.architecture}")


def _ran(one: Verification, *, machine: bool) -> Iterator[Part]:
    yield Line(label="sandbox", text=one.sandbox)
    yield Line(label="precision", text=one.claim.precision)
    yield Line(label="inputs", text=", ".join(words.tensor(spec) for spec in one.claim.inputs) or words.NONE)
    if one.gpu is not None:
        yield Line(label="GPU", text=one.gpu)
    yield Line(label="seed", text=", ".join(map(str, one.seeds)))
    if machine:
        yield Line(label="versions", text=", ".join(f"{name} {version}" for name, version in one.versions.items()))
        parts = ", ".join(f"{name} {seconds:.1f}" for name, seconds in one.times_s.items())
        yield Line(label="seconds", text=f"{one.elapsed_s:.1f}{f': {parts}' if parts else ''}")


def _case(check: Check) -> str:
    shapes = " ".join(words.extents(shape) for shape in check.shapes)
    return ", ".join(part for part in (shapes, check.dtype, check.distribution) if part)


def _figure(value: float) -> str:
    return f"{value:.2e}" if isfinite(value) else "infinite"
