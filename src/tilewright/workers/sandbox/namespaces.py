"""User, network and IPC namespaces of a process's own: a network without any interface that leads out."""

from __future__ import annotations

import os
from pathlib import Path

from tilewright.workers.sandbox.libc import libc

_NEWUSER, _NEWNET, _NEWIPC = 0x10000000, 0x40000000, 0x08000000
_SELF = Path("/proc/self")


def enter() -> None:
    """Enter new namespaces; the user keeps their numbers. The process must still be single-threaded.

    Raises:
        OSError: the system does not allow it. The process may then be of no use (its numbers may be unmapped), so that
            it has to end.
    """
    user, group = os.getuid(), os.getgid()
    if libc.unshare(_NEWUSER | _NEWNET | _NEWIPC) != 0:
        raise OSError("new namespaces are not allowed here")
    # without this a user without rights may not map a group
    (_SELF / "setgroups").write_text("deny")
    (_SELF / "uid_map").write_text(f"{user} {user} 1")
    (_SELF / "gid_map").write_text(f"{group} {group} 1")
