"""What a candidate does beside computing: threads, processes, streams, files, frames: worker side.

Python tells an audit hook of such events before they happen, and a hook cannot be taken away again. An event counts
when the nearest frame that is known is the candidate's: Triton opens files and starts compilers by itself.
"""

from __future__ import annotations

import _thread
import contextlib
import inspect
import os
import sys
import threading
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import torch
import triton

_ANYWHERE = frozenset(
    {"open", "os.fork", "os.forkpty", "os.exec", "os.posix_spawn", "os.spawn", "os.system", "os.startfile"}
    | {"subprocess.Popen", "pickle.find_class"}
    | {"marshal.loads", "marshal.load", "mmap.__new__", "signal.pthread_kill", "os.kill", "os.killpg", "fcntl.fcntl"}
    | {"os.listdir", "os.scandir", "os.remove", "os.rename", "os.mkdir", "os.rmdir", "os.truncate", "os.link"}
    | {"os.symlink", "os.chmod", "os.putenv", "os.unsetenv", "sys.addaudithook", "sys.settrace", "sys.setprofile"}
)
_ANYWHERE_PREFIXES = ("socket.", "ctypes.", "shutil.", "tempfile.", "urllib.", "winreg.", "sqlite3.")
_DIRECT = frozenset(
    {
        "sys._getframe",
        "sys._current_frames",
        "gc.get_objects",
        "gc.get_referrers",
        "gc.get_referents",
        "exec",
        "compile",
    }
    | {"code.__new__", "function.__new__", "object.__getattr__", "object.__setattr__", "object.__delattr__"}
    | {"sys._getframemodulename"}
)
_THREADS = "_thread.start_new_thread"
_STARTERS: tuple[tuple[types.ModuleType, str], ...] = (
    (_thread, "start_new_thread"),
    (_thread, "start_joinable_thread"),
    (threading, "_start_new_thread"),
    (threading, "_start_joinable_thread"),
)
_PROCESSES = ("os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "subprocess.Popen")
_HERE = str(Path(__file__).resolve().parents[2])
_KNOWN = tuple(
    folder + os.sep for folder in (os.path.dirname(str(torch.__file__)), os.path.dirname(str(triton.__file__)), _HERE)
)
_READERS = ("linecache.py", "traceback.py", "warnings.py", "tokenize.py")
_INSPECT = inspect.__file__
_MOST_FRAMES = 200


class _Ear:
    """The one audit hook of this process: a second one would hear the first one look at frames."""

    def __init__(self) -> None:
        self.listeners: list[Activity] = []
        self.deaf = False
        self.hooked = False

    def hear(self, event: str, _arguments: tuple[Any, ...]) -> None:
        if self.deaf:
            return
        direct = event in _DIRECT
        if direct or event in _ANYWHERE or event.startswith(_ANYWHERE_PREFIXES):
            # looking at frames and their code is an event too
            self.deaf = True
            try:
                frame = sys._getframe(1)
                for listener in self.listeners:
                    if _is_from(listener.source_path, frame, direct=direct):
                        listener.note(event)
            finally:
                self.deaf = False


_ear = _Ear()


@contextlib.contextmanager
def deaf() -> Iterator[None]:
    """Hear nothing inside the context: for our own looks at thousands of functions."""
    _ear.deaf = True
    try:
        yield
    finally:
        _ear.deaf = False


class Activity:
    """Events of one candidate's file since this object was made."""

    def __init__(self, source_path: str) -> None:
        self.source_path = source_path
        self.events: dict[str, int] = {}

    def listen(self) -> None:
        """Begin to hear events; there is no way back in this process."""
        if not _ear.hooked:
            _ear.hooked = True
            sys.addaudithook(_ear.hear)
        _ear.listeners.append(self)

    def stop(self) -> None:
        """Hear nothing more of this file."""
        if self in _ear.listeners:
            _ear.listeners.remove(self)

    def note(self, event: str) -> None:
        """Count one event."""
        self.events[event] = self.events.get(event, 0) + 1

    def replacements(self) -> list[tuple[Any, str, Any]]:
        """Return what to set to hear of threads, of which not every Python tells: (owner, attribute, value)."""
        return [
            (owner, name, self._starting(getattr(owner, name))) for owner, name in _STARTERS if hasattr(owner, name)
        ]

    def _starting(self, original: Any) -> Any:
        def start(*args: Any, **kwargs: Any) -> Any:
            with deaf():
                ours = _is_from(self.source_path, sys._getframe(1), direct=False)
            if ours:
                self.note(_THREADS)
            return original(*args, **kwargs)

        return start


def _is_from(path: str, frame: Any, *, direct: bool) -> bool:
    for _ in range(_MOST_FRAMES):
        if frame is None:
            return False
        name = frame.f_code.co_filename
        if name == path:
            return True
        if name.startswith(("<frozen importlib", *_KNOWN)) or name.endswith(_READERS):
            return False
        if direct and name != _INSPECT:
            return False
        frame = frame.f_back
    return False


def thread_count() -> int:
    """Return how many threads of this process run Python code."""
    return len(sys._current_frames())


def children() -> set[int]:
    """Return the process ids of this process's children; empty where the system does not tell."""
    found: set[int] = set()
    try:
        for listing in Path("/proc/self/task").glob("*/children"):
            found.update(int(word) for word in listing.read_text().split())
    except OSError:
        return set()
    return found


def counts(events: dict[str, int], before: dict[str, int]) -> tuple[int, int]:
    """Return how many threads and processes the candidate started between two looks at the events."""
    grown = {name: count - before.get(name, 0) for name, count in events.items()}
    return grown.get(_THREADS, 0), sum(grown.get(name, 0) for name in _PROCESSES)


class StreamLog:
    """Uses of streams and graphs of the candidate's own."""

    def __init__(self) -> None:
        self.used: set[str] = set()
        self.paused: Callable[[], bool] = bool
        self._real = torch.version.cuda is not None and torch._C._cuda_getDeviceCount() > 0

    def look(self) -> None:
        """Note it if the stream that is current on the real device is not the default one."""
        if not self._real or self.paused():
            return
        if torch._C._cuda_getCurrentRawStream(torch._C._cuda_getDevice()) != 0:
            self.used.add("a stream of its own at a launch")

    def replacements(self) -> list[tuple[Any, str, Any]]:
        """Return what to set while this log listens: (owner, attribute, value)."""
        names = [(torch.cuda, name) for name in ("Stream", "ExternalStream", "stream", "set_stream", "StreamContext")]
        names += [(torch.cuda, name) for name in ("CUDAGraph", "graph", "make_graphed_callables")]
        names += [(torch, "Stream")]
        return [(owner, name, self._noting(owner, name)) for owner, name in names if hasattr(owner, name)]

    def _noting(self, owner: Any, name: str) -> Any:
        original, full = getattr(owner, name), f"{owner.__name__}.{name}"

        def use(*args: Any, **kwargs: Any) -> Any:
            if not self.paused():
                self.used.add(full)
            return original(*args, **kwargs)

        if not isinstance(original, type):
            return use
        passing = type("_Noting", (_PassingFor, type(original)), {"_of": original})
        return passing(full, (original,), {"__new__": lambda _cls, *a, **k: use(*a, **k)})


class _PassingFor(type):
    """Metaclass of a class that makes objects of another and passes for it in isinstance."""

    _of: type

    def __instancecheck__(cls, instance: Any) -> bool:
        return isinstance(instance, type(cls)._of)

    def __subclasscheck__(cls, subclass: type) -> bool:
        return issubclass(subclass, type(cls)._of)
