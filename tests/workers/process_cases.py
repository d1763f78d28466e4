"""Which processes run, as the tests see them from outside every sandbox."""

from __future__ import annotations

import contextlib
import os
import select
import time
from pathlib import Path

LONG_S = 60.0


def running(token: str) -> list[int]:
    """Processes with ``token`` on their command line, but for this one."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if token.encode() in (entry / "cmdline").read_bytes() and int(entry.name) != os.getpid():
                found.append(int(entry.name))
    return found


def all_end(token: str) -> bool:
    """Whether all of them end, given time."""
    deadline = time.monotonic() + LONG_S
    while (left := running(token)) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError):
                handle = os.pidfd_open(pid)
                select.select([handle], [], [], deadline - time.monotonic())
                os.close(handle)
    return not left
