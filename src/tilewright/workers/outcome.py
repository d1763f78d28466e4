"""How a job ended."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

Kind = Literal["returned", "raised", "crashed", "out_of_memory", "timed_out"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcome:
    """The end of one job. What it says is the worker's claim: the code in there is not trusted."""

    kind: Kind
    value: Any = None
    """What the job returned, as JSON values; ``None`` unless ``returned``."""
    error_type: str = ""
    """Name of the exception's class where it raised."""
    message: str = ""
    """The exception's text, or one line that says what happened to the process."""
    stderr_tail: str = ""
    """The end of all that the job printed, on stdout or stderr."""
    exit_code: int | None = None
    """Of a process that ended by itself; negative is the signal that ended it."""
    elapsed_s: float = 0.0
    """Wall clock of the job alone, without the start of the process."""
