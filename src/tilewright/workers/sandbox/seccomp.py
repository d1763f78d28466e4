"""A filter of system calls: what a worker has no need of is refused, by every process that it starts too.

It does what Landlock and namespaces cannot promise everywhere: no sockets of any family, no look into other processes,
no doors into rarely used parts of the kernel. See ``seccomp(2)``; the program is classic BPF.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import struct
from dataclasses import dataclass

from tilewright.workers.sandbox.libc import prctl
from tilewright.workers.sandbox.plan import Sockets
from tilewright.workers.sandbox.syscalls import NUMBERS

_SET_SECCOMP, _MODE_FILTER = 22, 2
_LOAD, _EQUAL, _ANY_BIT, _AT_LEAST, _AND, _RETURN = 0x20, 0x15, 0x45, 0x35, 0x54, 0x06
_ALLOW, _KILL, _ERROR = 0x7FFF0000, 0x80000000, 0x00050000
_REFUSE, _UNKNOWN, _PRETEND = _ERROR | errno.EPERM, _ERROR | errno.ENOSYS, _ERROR
_NUMBER_AT, _ARCHITECTURE_AT, _ARGUMENTS_AT = 0, 4, 16
_MACHINES = {"x86_64": (0, 0xC000003E), "AMD64": (0, 0xC000003E), "aarch64": (1, 0xC00000B7), "arm64": (1, 0xC00000B7)}
_X32 = 0x40000000

_NEW_NAMESPACES = 0x7E020000
_UNIX, _TYPE_BITS, _STREAM, _PACKETS = 1, 0xF, 1, 5
_SET_DEATH_SIGNAL, _SET_DUMPABLE, _SET_MEMORY_MAP = 1, 4, 35
_FAKE_INPUT, _CONSOLE = 0x5412, 0x541C
_SET_OWNER, _SET_OWNER_EX = 8, 15
_ALL_BITS = 0xFFFFFFFF

# CUDA does not start unless it can make and bind a Unix socket of this type, though nothing need ever connect to it.
# Such a socket sends to nothing but what it is connected to, and none can be connected.
SOCKET_FAMILIES, SOCKET_TYPES = (_UNIX,), (_PACKETS,)
"""Sockets that may be made; besides, a connected pair of stream sockets."""
_PROFILED_FAMILIES, _PROFILED_TYPES = (_UNIX, 2, 10), (_STREAM, _PACKETS)
"""Also TCP, of both versions, and Unix stream sockets: what a profiler reaches the process by."""
_MAKING_PIPES = ("mknod", "mknodat")

_REFUSED = (
    "connect",
    *("ptrace", "process_vm_readv", "process_vm_writev", "process_madvise", "process_mrelease", "pidfd_getfd", "kcmp"),
    *("unshare", "setns", "mount", "umount2", "pivot_root", "chroot", "open_tree", "move_mount", "fsopen", "fsconfig"),
    *("fsmount", "fspick", "mount_setattr", "open_by_handle_at", "quotactl", "quotactl_fd", "swapon", "swapoff"),
    *("fanotify_init", "bpf", "perf_event_open", "userfaultfd", "io_uring_setup", "io_uring_enter"),
    *("io_uring_register", "kexec_load", "kexec_file_load", "init_module", "finit_module", "delete_module", "reboot"),
    *("acct", "syslog", "iopl", "ioperm", "modify_ldt", "lookup_dcookie", "add_key", "request_key", "keyctl"),
    *("settimeofday", "clock_settime", "clock_adjtime", "adjtimex", "sethostname", "setdomainname"),
    *("shmget", "shmat", "msgget", "semget", "mq_open"),
    # The parent opens files in the worker's folders by name; a link would lead it out, a pipe would hold it up.
    *("symlink", "symlinkat", "mknod", "mknodat"),
)
# Landlock does not know these rights, so that files elsewhere could be changed by them. A build that marks its own
# output as a program goes on.
_METADATA = (
    *("chmod", "fchmod", "fchmodat", "fchmodat2", "chown", "lchown", "fchown", "fchownat"),
    *("utime", "utimes", "futimesat", "utimensat", "setxattr", "lsetxattr", "fsetxattr"),
    *("removexattr", "lremovexattr", "fremovexattr", "setxattrat", "removexattrat", "file_setattr"),
)
# One group for all that a worker starts: a signal to the group then ends all of it at once, with no race.
_LEAVING_THE_GROUP = ("setsid", "setpgid")


@dataclass(frozen=True, slots=True)
class _Rule:
    """What to answer to a call, where one argument's bits ``mask`` are among ``values`` (or are not: ``outside``)."""

    call: str
    answer: int
    argument: int | None = None
    mask: int = _ALL_BITS
    values: tuple[int, ...] = ()
    outside: bool = False


def install(*, private_processes: bool, truncation: bool, signals: bool, sockets: Sockets = "none") -> None:
    """Put the filter in force for this thread and all that it starts. Needs "no new privileges" first.

    Args:
        private_processes: whether namespaces keep the worker's processes and the file system's metadata apart already
            (bubblewrap); where not, leaving the process group and changing metadata is pretended only.
        truncation: whether something else guards ``truncate`` of files by their path.
        signals: whether something else keeps signals inside.
        sockets: stream sockets that are allowed, and whether they may connect to others.

    Raises:
        OSError: the system has no such filters, or none is known for this kind of machine.
    """
    machine = platform.machine()
    if machine not in _MACHINES or struct.calcsize("P") != 8:
        raise OSError(f"no filter of system calls is known for {machine}")
    rules = _rules(private_processes=private_processes, truncation=truncation, signals=signals, sockets=sockets)
    program = _program(rules, *_MACHINES[machine])
    buffer = ctypes.create_string_buffer(program, len(program))
    header = ctypes.create_string_buffer(struct.pack("HxxxxxxP", len(program) // 8, ctypes.addressof(buffer)))
    prctl(_SET_SECCOMP, _MODE_FILTER, ctypes.addressof(header))


def _rules(*, private_processes: bool, truncation: bool, signals: bool, sockets: Sockets) -> list[_Rule]:
    allowed = {"none": (), "listening": _MAKING_PIPES, "connecting": (*_MAKING_PIPES, "connect")}[sockets]
    families, types = (SOCKET_FAMILIES, SOCKET_TYPES) if sockets == "none" else (_PROFILED_FAMILIES, _PROFILED_TYPES)
    rules = [_Rule(call, _REFUSE) for call in _REFUSED if call not in allowed]
    rules += [
        # its flags lie in memory, where a filter cannot look: libraries then use clone
        _Rule("clone3", _UNKNOWN),
        _Rule("clone", _REFUSE, 0, _NEW_NAMESPACES, (0,), outside=True),
        _Rule("socket", _REFUSE, 0, _ALL_BITS, families, outside=True),
        _Rule("socket", _REFUSE, 1, _TYPE_BITS, types, outside=True),
        # a datagram socket of a pair could be turned to another address
        _Rule("socketpair", _REFUSE, 0, _ALL_BITS, (_UNIX,), outside=True),
        _Rule("socketpair", _REFUSE, 1, _TYPE_BITS, (_STREAM, _PACKETS), outside=True),
        # the worker ends with its parent, and can be found, whatever it wishes
        _Rule("prctl", _PRETEND, 0, _ALL_BITS, (_SET_DEATH_SIGNAL, _SET_DUMPABLE)),
        _Rule("prctl", _REFUSE, 0, _ALL_BITS, (_SET_MEMORY_MAP,)),
        _Rule("prlimit64", _REFUSE, 0, _ALL_BITS, (0,), outside=True),
        _Rule("ioctl", _REFUSE, 1, _ALL_BITS, (_FAKE_INPUT, _CONSOLE)),
    ]
    if not private_processes:
        rules += [_Rule(call, _PRETEND) for call in (*_METADATA, *_LEAVING_THE_GROUP)]
    if not truncation:
        rules.append(_Rule("truncate", _REFUSE))
    if not signals:
        rules += _signal_rules()
    return rules


def _signal_rules() -> list[_Rule]:
    """Signals to this process and its group alone: for a Landlock before version 6."""
    own = os.getpid()
    group = (0, own, -own & _ALL_BITS) if os.getpgrp() == own else (0, own)
    return [
        _Rule("kill", _REFUSE, 0, _ALL_BITS, group, outside=True),
        _Rule("tgkill", _REFUSE, 0, _ALL_BITS, (own,), outside=True),
        _Rule("rt_sigqueueinfo", _REFUSE, 0, _ALL_BITS, (own,), outside=True),
        _Rule("rt_tgsigqueueinfo", _REFUSE, 0, _ALL_BITS, (own,), outside=True),
        _Rule("tkill", _REFUSE),
        _Rule("pidfd_send_signal", _REFUSE),
        _Rule("fcntl", _REFUSE, 1, _ALL_BITS, (_SET_OWNER, _SET_OWNER_EX)),
    ]


def _program(rules: list[_Rule], column: int, architecture: int) -> bytes:
    code = [
        _step(_LOAD, _ARCHITECTURE_AT),
        # another architecture's calls have other numbers: what makes them ends
        _step(_EQUAL, architecture, 1, 0),
        _step(_RETURN, _KILL),
        _step(_LOAD, _NUMBER_AT),
    ]
    if column == 0:
        code += [_step(_AT_LEAST, _X32, 0, 1), _step(_RETURN, _KILL)]
    for rule in rules:
        number = NUMBERS[rule.call][column]
        if number is None:
            continue
        body = [_step(_RETURN, rule.answer)] if rule.argument is None else _test(rule, rule.argument)
        code += [_step(_EQUAL, number, 0, len(body)), *body]
    return b"".join([*code, _step(_RETURN, _ALLOW)])


def _test(rule: _Rule, argument: int) -> list[bytes]:
    """Answer if the argument is as the rule says; otherwise load the call's number again and go on."""
    matches = []
    left = len(rule.values)
    for index, value in enumerate(rule.values):
        # past the other comparisons: to the answer, or over it
        to_end = left - index - 1
        hit, miss = (to_end + 1, 0) if rule.outside else (to_end, 0 if to_end else 1)
        matches.append(_step(_EQUAL, value, hit, miss))
    low_half = _ARGUMENTS_AT + 8 * argument  # both kinds of machine are little-endian
    start = [_step(_LOAD, low_half), _step(_AND, rule.mask)]
    return [*start, *matches, _step(_RETURN, rule.answer), _step(_LOAD, _NUMBER_AT)]


def _step(code: int, value: int, if_true: int = 0, if_false: int = 0) -> bytes:
    return struct.pack("HBBI", code, if_true, if_false, value)
