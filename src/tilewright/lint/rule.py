"""What a rule is: declared facts, then a guard, then the check."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from dataclasses import dataclass
from textwrap import dedent, indent
from typing import ClassVar

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.tree import Edit
from tilewright.records.finding import Severity
from tilewright.records.launch import Launch

HEADER = "import torch\nimport torch.nn as nn\nimport triton\nimport triton.language as tl\n\n\n"


def in_kernel(body: str, parameters: str = "x_ptr, y_ptr, n, BLOCK: tl.constexpr") -> str:
    """Return a file that holds one kernel with ``body``; its first statement stands on line 9."""
    return f"{HEADER}@triton.jit\ndef kernel({parameters}):\n{indent(dedent(body).strip(), '    ')}\n"


def in_wrapper(body: str, kernel: str = "") -> str:
    """Return a file with one kernel and a wrapper ``run(x)``; the wrapper's first statement stands on line 14.

    The kernel reads one program axis and takes ``x_ptr, y_ptr, n, BLOCK``.
    """
    kernel = kernel or (
        "@triton.jit\ndef kernel(x_ptr, y_ptr, n, BLOCK: tl.constexpr):\n"
        "    offsets = tl.program_id(0) * BLOCK + tl.arange(0, BLOCK)\n"
        "    tl.store(y_ptr + offsets, tl.load(x_ptr + offsets, mask=offsets < n), mask=offsets < n)\n"
    )
    return f"{HEADER}{dedent(kernel).strip()}\n\n\ndef run(x):\n{indent(dedent(body).strip(), '    ')}\n"


@dataclass(frozen=True, slots=True)
class Good:
    """A file that the rule leaves alone."""

    label: str
    code: str
    launches: tuple[Launch, ...] = ()


@dataclass(frozen=True, slots=True)
class Bad:
    """A file in which the rule finds exactly one fault."""

    label: str
    code: str
    message: str
    """A part of the message."""
    line: int | None = None
    """Where the finding stands, from 1; ``None`` where the example does not pin it."""
    fixed: str | None = None
    """The file after the fix; ``None`` where there is none."""
    launches: tuple[Launch, ...] = ()


@dataclass(frozen=True, slots=True)
class Report:
    """One fault as a rule sees it."""

    node: cst.CSTNode
    message: str
    edits: tuple[Edit, ...] = ()


class Rule(ABC):
    """Base of all rules. The docstring of a rule says why it exists, in one paragraph."""

    code: ClassVar[str]
    """``TW`` and three digits; the first is the group."""
    name: ClassVar[str]
    severity: ClassVar[Severity]
    fix_safety: ClassVar[str] = ""
    """Why the fix is safe; empty where the rule has no fix."""
    examples: ClassVar[tuple[Good | Bad, ...]]

    @property
    def fixable(self) -> bool:
        """Tell whether the rule may offer a fix."""
        return bool(self.fix_safety)

    def guard(self, file: FileModel) -> str | None:
        """Return why the rule does not apply to ``file``, or ``None``; changes nothing."""
        return None

    @abstractmethod
    def check(self, file: FileModel) -> Iterator[Report]:
        """Yield what is wrong with ``file``."""
