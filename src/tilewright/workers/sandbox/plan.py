"""What the parent asks a worker's own start to put in force."""

from __future__ import annotations

import dataclasses
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from tilewright.workers.sandbox.record import Sandbox, SandboxKind

Sockets = Literal["none", "listening", "connecting"]
"""Stream sockets of a process: none; those that others connect to; also those that connect to others."""


class SandboxError(Exception):
    """What was asked for cannot be put in force; the worker must not run any job."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The confinement of one process; travels on its command line as JSON."""

    kind: SandboxKind
    landlock_abi: int = 0
    namespaces: bool = False
    writable: tuple[str, ...] = ()
    """Folders that may be changed, each with all below it."""
    readable: tuple[str, ...] = ()
    """Places that may be read, on top of those of the system and of this Python."""
    shared_memory: str = ""
    """Private folder that stands in for ``/dev/shm`` where that can be done."""
    file_bytes: int = 0
    """The largest file that may be written; 0 for no limit."""
    tasks: int = 0
    """The most processes and threads, where the system can hold to it; 0 for no limit."""
    sockets: Sockets = "none"
    """For a process that a profiler talks to: Unix sockets and pipes in ``sockets_in``, TCP at ``ports``."""
    sockets_in: tuple[str, ...] = ()
    """Folders in which sockets and pipes may be made, among those of ``writable``."""
    ports: tuple[int, ...] = ()
    """TCP ports that may be listened at, and connected to where ``sockets`` says so; Landlock 4 holds to it."""
    filtered: bool = True
    """Whether system calls are filtered too; without it Landlock's rules for files are all there is."""
    capabilities: tuple[int, ...] = ()
    """Numbers of privileges that are kept, of those that the process has."""

    def to_json(self) -> str:
        """The plan as one argument of a command line."""
        return json.dumps(dataclasses.asdict(self))

    @staticmethod
    def from_json(text: str) -> Plan:
        """The plan that :meth:`to_json` wrote."""
        told = json.loads(text)
        lists = {name: tuple(value) for name, value in told.items() if isinstance(value, list)}
        return Plan(**told | lists)

    @staticmethod
    def of(sandbox: Sandbox, root: Path, *, writable: tuple[str, ...], file_bytes: int, tasks: int) -> Plan:
        """The plan for a worker whose private folders lie in ``root``."""
        own = tuple(str(root / name) for name in PRIVATE)
        return Plan(
            kind=sandbox.kind,
            landlock_abi=sandbox.landlock_abi,
            namespaces=sandbox.namespaces,
            writable=own + writable,
            shared_memory=str(root / "tmp"),
            file_bytes=file_bytes,
            tasks=tasks,
        )


PRIVATE = ("exchange", "home", "tmp", "triton")
"""A worker's private folders, by their names below its root."""
