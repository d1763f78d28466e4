"""Landlock: a process gives up all access to files, TCP and signals but what it names. Linux 5.13 and later.

Numbers are those of ``linux/landlock.h``; see ``landlock(7)``.
"""

from __future__ import annotations

import contextlib
import ctypes
import os
import stat
import sys
from collections.abc import Iterable

from tilewright.workers.sandbox.libc import call

# the same on every architecture
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_VERSION_FLAG = 1
_PATH_BENEATH, _NET_PORT = 1, 2
_QUIET_FLAG = 1  # since 7: refusals are expected here, and need not fill the audit log
NEWEST_ABI = 7
"""The newest version of the interface whose rights are known here; a newer kernel is asked for these alone."""

_EXECUTE, _WRITE_FILE, _READ_FILE, _READ_DIR, _REMOVE_DIR, _REMOVE_FILE = (1 << bit for bit in range(6))
_MAKE_DIR, _MAKE_REGULAR, _MAKE_SOCKET, _MAKE_PIPE = (1 << bit for bit in range(7, 11))
_REFER, _TRUNCATE, _DEVICE_IOCTL = 1 << 13, 1 << 14, 1 << 15
_BIND_TCP, _CONNECT_TCP = 1, 2
_ABSTRACT_SOCKETS, _SIGNALS = 1, 2
_TCP_SINCE, _SCOPES_SINCE = 4, 6

# Of a file that is not a folder, only these can be granted.
_OF_FILES = _EXECUTE | _WRITE_FILE | _READ_FILE | _TRUNCATE | _DEVICE_IOCTL
_READ = _EXECUTE | _READ_FILE | _READ_DIR
# No symbolic links, pipes, sockets or devices: the parent opens files in these folders by name, and would follow a
# link out of them or wait for ever at a pipe.
_CHANGE = _READ | _WRITE_FILE | _REMOVE_DIR | _REMOVE_FILE | _MAKE_DIR | _MAKE_REGULAR | _REFER | _TRUNCATE
_DEVICE = _WRITE_FILE | _READ_FILE | _READ_DIR | _TRUNCATE | _DEVICE_IOCTL


class _Ruleset(ctypes.Structure):
    _fields_ = (("files", ctypes.c_uint64), ("network", ctypes.c_uint64), ("scopes", ctypes.c_uint64))


class _Port(ctypes.Structure):
    _fields_ = (("allowed", ctypes.c_uint64), ("port", ctypes.c_uint64))


class _PathBeneath(ctypes.Structure):
    _pack_ = 1
    _fields_ = (("allowed", ctypes.c_uint64), ("parent", ctypes.c_int32))


def version() -> int:
    """The version of Landlock's interface in this kernel; 0 where there is none."""
    if sys.platform != "linux":
        return 0
    try:
        return call(_CREATE_RULESET, None, 0, _VERSION_FLAG)
    except OSError:
        return 0


def restrict(
    abi: int,
    *,
    readable: Iterable[str],
    writable: Iterable[str],
    devices: Iterable[str],
    settings: Iterable[str] = (),
    sockets_in: Iterable[str] = (),
    ports: Iterable[int] = (),
    connecting: bool = False,
) -> None:
    """Confine this thread and all that it starts from now on.

    Args:
        abi: version of the interface to use, at most what :func:`version` says.
        readable: files and folders that may be read and run, each with all below it.
        writable: folders below which files and folders may be made, changed and removed too.
        devices: device files that may be read, written and controlled.
        settings: folders whose files may be written, and none made or removed.
        sockets_in: folders below which Unix sockets and pipes may be made too.
        ports: TCP ports that may be bound.
        connecting: whether those ports, and abstract Unix sockets, may be connected to.

    Raises:
        OSError: it cannot be done, or a place in ``writable`` does not exist.
    """
    abi = min(abi, NEWEST_ABI)
    handled = _handled(abi)
    scopes = _SIGNALS if connecting else _ABSTRACT_SOCKETS | _SIGNALS
    ruleset = _Ruleset(handled, _BIND_TCP | _CONNECT_TCP, scopes)
    size = 8 if abi < _TCP_SINCE else 16 if abi < _SCOPES_SINCE else 24
    descriptor = call(_CREATE_RULESET, ctypes.byref(ruleset), size, 0)
    try:
        for path in readable:
            with contextlib.suppress(FileNotFoundError, PermissionError, NotADirectoryError):
                _allow(descriptor, path, _READ & handled)
        for path in settings:
            _allow(descriptor, path, (_WRITE_FILE | _TRUNCATE | _READ) & handled)
        for path in devices:
            with contextlib.suppress(FileNotFoundError, PermissionError):
                _allow(descriptor, path, _DEVICE & handled)
        for path in writable:
            _allow(descriptor, path, _CHANGE & handled)
        for path in sockets_in:
            _allow(descriptor, path, (_MAKE_SOCKET | _MAKE_PIPE) & handled)
        for port in ports if abi >= _TCP_SINCE else ():
            rule = _Port(_BIND_TCP | (_CONNECT_TCP if connecting else 0), port)
            call(_ADD_RULE, descriptor, _NET_PORT, ctypes.byref(rule), 0)
        call(_RESTRICT_SELF, descriptor, _QUIET_FLAG if abi >= NEWEST_ABI else 0)
    finally:
        os.close(descriptor)


def _handled(abi: int) -> int:
    """Every right on files that version ``abi`` knows; what is handled and not allowed is refused."""
    newest = 12 + (abi >= 2) + (abi >= 3) + (abi >= 5)
    return (1 << (newest + 1)) - 1


def _allow(ruleset: int, path: str, rights: int) -> None:
    parent = os.open(path, os.O_PATH | os.O_CLOEXEC)
    try:
        if not stat.S_ISDIR(os.fstat(parent).st_mode):
            rights &= _OF_FILES
        beneath = _PathBeneath(rights, parent)
        call(_ADD_RULE, ruleset, _PATH_BENEATH, ctypes.byref(beneath), 0)
    finally:
        os.close(parent)
