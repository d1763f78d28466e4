"""Operating-system side of a worker: start it, end it with all of its children."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from tilewright.workers.environment import MARK

_T = TypeVar("_T")
PROC = Path("/proc")
_LAST_WAIT_S = 5.0
PAGE_BYTES = os.sysconf("SC_PAGE_SIZE")

# Linux ties a child's parent-death signal to the *thread* that started it, so that all workers start from one
# thread which lives as long as this process.
_starter = ThreadPoolExecutor(1, thread_name_prefix="tilewright-starter")


def start(popen: Callable[[], _T]) -> _T:
    """Run ``popen`` on the thread that all workers are started from."""
    return _starter.submit(popen).result()


def end(process: subprocess.Popen[bytes], mark: str, *, grace_s: float) -> None:
    """End a worker and all that it started: TERM to its group, then KILL, detached children included."""
    if grace_s > 0 and process.poll() is None:
        _signal_group(process.pid, signal.SIGTERM)
        deadline = time.monotonic() + grace_s
        while process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.01)
    _signal_group(process.pid, signal.SIGKILL)
    deadline = time.monotonic() + _LAST_WAIT_S
    while (left := marked(mark)) and time.monotonic() < deadline:
        for pid in left:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.kill(pid, signal.SIGKILL)
        time.sleep(0.005)
    with contextlib.suppress(subprocess.TimeoutExpired):
        # a process stuck inside a driver call cannot be waited for; it ends when the call does
        process.wait(timeout=_LAST_WAIT_S)


def marked(mark: str) -> list[int]:
    """Processes that carry this worker's mark: those that left its process group too. Empty without ``/proc``."""
    wanted = f"{MARK}={mark}".encode()
    found = []
    for entry in PROC.glob("[0-9]*"):
        with contextlib.suppress(OSError):
            if wanted in (entry / "environ").read_bytes().split(b"\0"):
                found.append(int(entry.name))
    return found


def _signal_group(group: int, number: signal.Signals) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(group, number)
