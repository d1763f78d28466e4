"""Limits of the process itself: files, core dumps, privileges, and who goes first when memory runs out."""

from __future__ import annotations

import contextlib
import ctypes
import os
import resource
from pathlib import Path

from tilewright.workers.sandbox.libc import libc, prctl

_OPEN_FILES = 8192
_FIRST_TO_GO = "800"
_CAPBSET_DROP, _NO_NEW_PRIVS, _CAP_AMBIENT, _AMBIENT_CLEAR = 24, 38, 47, 4
_CAPABILITY_VERSION = 0x20080522
_CAPABILITIES = 64


class _Header(ctypes.Structure):
    _fields_ = (("version", ctypes.c_uint32), ("pid", ctypes.c_int))


def limit(*, file_bytes: int, tasks: int, own_count: bool) -> None:
    """Set what the system itself holds to.

    Args:
        file_bytes: the largest file that may be written; 0 for no limit.
        tasks: the most processes and threads; 0 for no limit.
        own_count: whether the system counts this process's children apart from the user's other processes. Where it
            does not, a limit would stop the user's own work, and none is set.
    """
    _lower(resource.RLIMIT_CORE, 0)
    _lower(resource.RLIMIT_NOFILE, _OPEN_FILES)
    if file_bytes:
        _lower(resource.RLIMIT_FSIZE, file_bytes)
    if tasks and own_count:
        _lower(resource.RLIMIT_NPROC, tasks)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(_FIRST_TO_GO)


def _lower(which: int, value: int) -> None:
    _, hard = resource.getrlimit(which)
    if hard != resource.RLIM_INFINITY:
        value = min(value, hard)
    resource.setrlimit(which, (value, value))


def forbid_new_privileges() -> None:
    """No program that is started from here gains rights by its set-user bit or its file capabilities."""
    prctl(_NO_NEW_PRIVS, 1)


def drop_privileges(keep: tuple[int, ...] = ()) -> None:
    """Give up every capability but those of ``keep`` that the process has, root's included, for good."""
    for number in set(range(_CAPABILITIES)) - set(keep):
        # a number that this kernel does not know, or no right to do it: then there is nothing to give up either
        with contextlib.suppress(OSError):
            prctl(_CAPBSET_DROP, number)
    with contextlib.suppress(OSError):
        prctl(_CAP_AMBIENT, _AMBIENT_CLEAR)
    header, held = _Header(_CAPABILITY_VERSION, 0), (ctypes.c_uint32 * 6)()
    if keep:
        libc.capget(ctypes.byref(header), held)
        # two words of 32 bits, each with what is effective, permitted and inheritable
        for word in range(2):
            wanted = sum(1 << number - 32 * word for number in keep if number // 32 == word)
            held[3 * word : 3 * word + 3] = [held[3 * word] & wanted, held[3 * word + 1] & wanted, 0]
    if libc.capset(ctypes.byref(header), held) != 0:
        code = ctypes.get_errno()
        raise OSError(code, os.strerror(code))
