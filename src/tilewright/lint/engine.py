"""Run rules over a file, honour suppressions, carry out fixes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import libcst as cst

from tilewright.lint.discovery import all_rules
from tilewright.lint.model import FileModel
from tilewright.lint.rule import Report, Rule
from tilewright.lint.tree import Edit, apply_edits
from tilewright.records.finding import Finding
from tilewright.records.launch import Launch
from tilewright.records.source import KernelSource

_SUPPRESSION = re.compile(r"#\s*tilewright:\s*ignore(?:\[([A-Z0-9, ]*)\])?")
_ROUNDS = 50


@dataclass(frozen=True, slots=True)
class _Hit:
    rule: Rule
    report: Report
    finding: Finding


def check(
    source: KernelSource,
    launches: Sequence[Launch] = (),
    *,
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
    honour_suppressions: bool = True,
) -> tuple[Finding, ...]:
    """Return what the rules find in ``source``, sorted by position.

    Args:
        source: The file. Lines count in the file that holds the text.
        launches: What a capture of the file recorded; some rules need it and are silent without.
        select: Prefixes of codes to run (``TW3``, ``TW402``); empty runs all.
        ignore: Prefixes of codes to leave out; wins over ``select``.
        honour_suppressions: Whether comments in the file may silence rules; not where the file is under suspicion.

    Raises:
        SourceError: The text is not valid Python.
    """
    file = FileModel(source, launches)
    hits = _hits(file, chosen_rules(select, ignore), honour_suppressions=honour_suppressions)
    return tuple(
        sorted((hit.finding for hit in hits), key=lambda item: (item.line, item.column, item.code, item.message))
    )


def fix(
    text: str,
    *,
    path: str = "<text>",
    select: Sequence[str] = (),
    ignore: Sequence[str] = (),
) -> tuple[str, tuple[Finding, ...]]:
    """Carry out every safe fix until none is left.

    Returns:
        The new text, and the findings that were fixed, in the order of the fixing.

    Raises:
        SourceError: The text is not valid Python.
        RuntimeError: A rule's fix does not remove its finding, which is a fault of the rule.
    """
    applied: list[Finding] = []
    rules = tuple(rule for rule in chosen_rules(select, ignore) if rule.fixable)
    for _ in range(_ROUNDS):
        file = FileModel(KernelSource(path=path, text=text, kernels=()))
        round_ = _compatible([hit for hit in _hits(file, rules) if hit.report.edits])
        if not round_:
            return text, tuple(applied)
        text = apply_edits(text, tuple(edit for hit in round_ for edit in hit.report.edits))
        applied.extend(hit.finding for hit in round_)
    raise RuntimeError(f"fixes do not settle after {_ROUNDS} rounds; last: {applied[-1].code} {applied[-1].message}")


def chosen_rules(select: Sequence[str] = (), ignore: Sequence[str] = ()) -> tuple[Rule, ...]:
    """Return the rules whose code starts with a prefix in ``select`` and with none in ``ignore``."""
    return tuple(
        rule
        for rule in all_rules()
        if (not select or rule.code.startswith(tuple(select))) and not rule.code.startswith(tuple(ignore))
    )


def run_rule(rule: Rule, file: FileModel) -> tuple[Report, ...]:
    """Return what one rule reports, each fault once."""
    if rule.guard(file) is not None:
        return ()
    unique: dict[tuple[cst.CSTNode, str], Report] = {}
    for report in rule.check(file):
        unique.setdefault((report.node, report.message), report)
    return tuple(unique.values())


def _hits(file: FileModel, rules: Sequence[Rule], *, honour_suppressions: bool = True) -> list[_Hit]:
    suppressed = _suppressions(file.source.text) if honour_suppressions else {}
    found = []
    for rule in rules:
        for report in run_rule(rule, file):
            line, column = file.tree.place(report.node)
            codes = suppressed.get(line)
            if codes is not None and (not codes or rule.code in codes):
                continue
            finding = Finding(
                path=file.source.path,
                line=line + file.source.first_line - 1,
                column=column,
                code=rule.code,
                rule=rule.name,
                message=report.message,
                severity=rule.severity,
                fixable=bool(report.edits),
            )
            found.append(_Hit(rule, report, finding))
    return found


def _suppressions(text: str) -> dict[int, frozenset[str]]:
    """Return line to suppressed codes; an empty set suppresses all. A comment alone on a line speaks for the next."""
    found: dict[int, frozenset[str]] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        match = _SUPPRESSION.search(line)
        if match:
            codes = frozenset(code.strip() for code in (match.group(1) or "").split(",") if code.strip())
            alone = line.lstrip().startswith("#")
            found[number + 1 if alone else number] = codes
    return found


def _compatible(hits: Sequence[_Hit]) -> list[_Hit]:
    """Return hits whose edits do not overlap, first come first served."""
    taken: list[Edit] = []
    kept = []
    for hit in hits:
        edits = hit.report.edits
        if not any(_overlap(one, other) for one in edits for other in taken):
            taken.extend(edits)
            kept.append(hit)
    return kept


def _overlap(one: Edit, other: Edit) -> bool:
    if one.start == other.start:
        return True
    return one.start < other.end and other.start < one.end
