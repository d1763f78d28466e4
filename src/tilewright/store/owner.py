"""Which process a run belongs to, so that one that is still being worked on is told from one that was killed."""

from __future__ import annotations

import contextlib
import os
from dataclasses import dataclass
from pathlib import Path

_PROC = Path("/proc")
_START_FIELD = 21
"""Of ``/proc/PID/stat``, counted from 0: clock ticks from the system's start to the process's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owner:
    """One process of one start of one system: no later process is taken for it, even if it gets its number."""

    pid: int
    start: str
    """When it began, as the system counts; empty where that cannot be read."""
    system: str
    """This start of this system, and the space that process numbers count in."""


def this_process() -> Owner:
    """The process that asks."""
    return Owner(pid=os.getpid(), start=_start(os.getpid()), system=_system())


def lives(owner: Owner) -> bool:
    """Whether the process still runs. One of another system, or of another container, is taken to have ended."""
    if owner.system != _system():
        return False
    if _PROC.is_dir():
        return _start(owner.pid) == owner.start != ""
    try:
        os.kill(owner.pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _start(pid: int) -> str:
    """Its start; empty for a process that has ended, even if nobody has waited for it yet."""
    with contextlib.suppress(OSError):
        # the name, in brackets, may hold spaces and brackets itself
        fields = (_PROC / str(pid) / "stat").read_text().rpartition(")")[2].split()
        if fields[0] not in {"Z", "X"}:
            return fields[_START_FIELD - 2]
    return ""


def _system() -> str:
    parts = [os.uname().nodename]
    with contextlib.suppress(OSError):
        parts.append((_PROC / "sys" / "kernel" / "random" / "boot_id").read_text().strip())
    with contextlib.suppress(OSError):
        parts.append(os.readlink(_PROC / "self" / "ns" / "pid"))
    return " ".join(parts)
