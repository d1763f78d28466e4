"""Namespaces of a process's own: a network without an interface that leads out, and a private ``/dev/shm``."""

from __future__ import annotations

import ctypes
import os
from pathlib import Path

from tilewright.workers.sandbox.libc import libc

_NEWNS, _NEWUSER, _NEWNET, _NEWIPC = 0x00020000, 0x10000000, 0x40000000, 0x08000000
_BIND, _PRIVATE = 0x1000, 0x4000 | 0x40000
_SELF = Path("/proc/self")
SHARED_MEMORY = "/dev/shm"


def enter(shared_memory: str) -> None:
    """Enter new namespaces; the user keeps their numbers. The process must still be single-threaded.

    Args:
        shared_memory: the folder that becomes ``/dev/shm``, which is all processes' own otherwise.

    Raises:
        OSError: the system does not allow it. The process may then be of no use (its numbers may be unmapped), so that
            it has to end.
    """
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_NEWUSER | _NEWNS | _NEWNET | _NEWIPC) != 0:
        raise OSError("new namespaces are not allowed here")
    # without this a user without rights may not map a group
    (_SELF / "setgroups").write_text("deny")
    (_SELF / "uid_map").write_text(f"{user} {user} 1")
    (_SELF / "gid_map").write_text(f"{group} {group} 1")
    _mount(None, b"/", _PRIVATE)
    _mount(os.fsencode(shared_memory), SHARED_MEMORY.encode(), _BIND)


def _mount(source: bytes | None, target: bytes, flags: int) -> None:
    if libc.mount(source, target, None, ctypes.c_ulong(flags), None) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
