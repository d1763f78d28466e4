"""What a worker holds while a job runs: its memory, and its processes and threads."""

from __future__ import annotations

import contextlib
import time
from dataclasses import dataclass

from tilewright.workers.processes import PAGE_BYTES, PROC

# A search of all processes finds those that nobody's list of children leads to; on a large machine it takes long, and
# is then made less often.
_SEARCH_S = 0.2
_SEARCH_SHARE = 0.05


@dataclass(frozen=True, slots=True)
class Held:
    """What the processes of one worker hold together."""

    memory_bytes: int = 0
    """Resident memory; pages that processes share count once for each."""
    tasks: int = 0
    """Processes and threads."""


class Watch:
    """Looks at a process, all below it, and all of its session. Sees nothing where there is no ``/proc``."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._stray: set[int] = set()
        self._next_search = 0.0

    def look(self) -> Held:
        """What is held now."""
        began = time.monotonic()
        if began >= self._next_search:
            self._stray = set(_session(self._pid))
            took = time.monotonic() - began
            self._next_search = began + max(_SEARCH_S, took / _SEARCH_SHARE)
        memory_bytes = tasks = 0
        seen: set[int] = set()
        pending = [self._pid, *self._stray]
        while pending:
            current = pending.pop()
            if current in seen:
                continue
            seen.add(current)
            with contextlib.suppress(OSError, ValueError, IndexError):
                fields = _fields(current)
                memory_bytes += int(fields[21]) * PAGE_BYTES
                tasks += int(fields[17])
                pending.extend(_children(current))
        return Held(memory_bytes, tasks)


def oom_kills() -> int:
    """How many processes this machine has ended for lack of memory since it started; 0 where it does not tell."""
    with contextlib.suppress(OSError, ValueError):
        for line in (PROC / "vmstat").read_text().splitlines():
            name, _, count = line.partition(" ")
            if name == "oom_kill":
                return int(count)
    return 0


def _fields(pid: int) -> list[str]:
    """``/proc/PID/stat`` from its third field on: session at 3, threads at 17, resident pages at 21."""
    return (PROC / str(pid) / "stat").read_text().rsplit(")", 1)[1].split()


def _children(pid: int) -> list[int]:
    found: list[int] = []
    # each thread lists the children that it started itself
    for listed in (PROC / str(pid) / "task").glob("*/children"):
        with contextlib.suppress(OSError):
            found.extend(int(child) for child in listed.read_text().split())
    return found


def _session(leader: int) -> list[int]:
    wanted = str(leader)
    found = []
    for entry in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError, IndexError):
            if _fields(int(entry.name))[3] == wanted:
                found.append(int(entry.name))
    return found
