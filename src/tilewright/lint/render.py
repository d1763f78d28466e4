"""Draw findings: pure functions from findings to text."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from tilewright.records.finding import Finding


def render_text(findings: Sequence[Finding]) -> str:
    """Return one line a finding, ``path:line:column: code message``, and a line with the count."""
    lines = [
        f"{item.path}:{item.line}:{item.column}: {item.code} {item.severity}: {item.message}"
        f" [{item.rule}]{' (fixable)' if item.fixable else ''}"
        for item in findings
    ]
    fixable = sum(item.fixable for item in findings)
    count = f"{len(findings)} finding{'' if len(findings) == 1 else 's'}" if findings else "no findings"
    return "\n".join([*lines, f"{count}{f', {fixable} fixable' if fixable else ''}"]) + "\n"


def render_json(findings: Sequence[Finding]) -> str:
    """Return a JSON list with the fields of ``Finding``."""
    return json.dumps([dataclasses.asdict(item) for item in findings], indent=2) + "\n"


def render_github(findings: Sequence[Finding]) -> str:
    """Return GitHub workflow commands, one annotation a finding."""
    return "".join(
        f"::{item.severity} file={_property(item.path)},line={item.line},col={item.column},"
        f"title={_property(f'{item.code} {item.rule}')}::{_data(item.message)}\n"
        for item in findings
    )


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
