"""What a worker is confined by."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

SandboxKind = Literal["bubblewrap", "landlock", "none"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Sandbox:
    """One way of confining a worker, and what it holds back.

    ``in_force`` was seen to hold on this machine where it comes from :func:`~tilewright.workers.best_sandbox`: a probe
    tried each thing that is said to be refused.
    """

    kind: SandboxKind
    in_force: tuple[str, ...] = ()
    """Each thing that the sandbox does, in words: ``"no network"``, …"""
    program: str = ""
    """Path of bubblewrap's program; empty for the other kinds."""
    landlock_abi: int = 0
    """Version of Landlock's interface that is used; 0 for none of it."""
    namespaces: bool = False
    """Whether the worker enters user, mount, network and IPC namespaces by itself (bubblewrap brings its own)."""
    reason: str = ""
    """Why it is ``none``: what each of the other kinds said."""

    @property
    def confines(self) -> bool:
        """Whether code in the worker is held back at all."""
        return self.kind != "none"

    @property
    def name(self) -> str:
        """Short name for a report: ``"bubblewrap"``, ``"landlock"``, ``"unsandboxed"``."""
        return self.kind if self.confines else "unsandboxed"

    def __str__(self) -> str:
        told = ", ".join(self.in_force) or self.reason
        return f"{self.name} ({told})" if told else self.name


UNSANDBOXED = Sandbox(kind="none", reason="asked for")
"""No confinement: for callers that need a tool which a sandbox stops, such as a profiler."""
