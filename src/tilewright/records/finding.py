"""What a lint rule found."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """``error``: breaks the contract or the result; ``warning``: costs speed or safety."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One fault at one place. Lines and columns count from 1."""

    path: str
    line: int
    column: int
    code: str
    rule: str
    message: str
    severity: Severity
    fixable: bool = False
