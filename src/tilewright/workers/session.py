"""One life of a worker's process: from its start, job by job, to its end."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import selectors
import signal
import subprocess
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tilewright.workers import processes
from tilewright.workers.environment import worker_environment
from tilewright.workers.outcome import Outcome
from tilewright.workers.sandbox.choose import wrapping
from tilewright.workers.sandbox.plan import Plan
from tilewright.workers.sandbox.record import Sandbox
from tilewright.workers.watch import Held, Watch, oom_kills

_TICK_S = 0.02
_START_LIMIT_S = 120.0
_LINE_LIMIT_BYTES = 1 << 28
_TAIL_BYTES = 8_000
_SIGNAL_CODES = 128
_GRACE_S = 0.5


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """How a worker's processes are started; see :class:`~tilewright.workers.Worker`."""

    python: str
    environment: Mapping[str, str]
    memory_bytes: int | None
    preload: tuple[str, ...]
    threads: int
    sandbox: Sandbox
    writable: tuple[str, ...]
    file_bytes: int
    task_limit: int


class _OverLimitError(Exception):
    """Raised while waiting: the worker holds more memory than it may."""


class _TooManyTasksError(Exception):
    """Raised while waiting: the worker runs more processes and threads than it may."""


class _GoneError(Exception):
    """Raised while waiting: the process ended, or broke the protocol."""


class Session:
    """One life of a worker's process, from its start to its end."""

    def __init__(self, settings: Settings, root: Path) -> None:
        """Start the process; ``root`` holds the worker's private folders."""
        self._settings, self._root, self._log = settings, root, root / "output.log"
        self.ready = False
        self._pending = bytearray()
        mark = secrets.token_hex(12)
        environment = worker_environment(root, mark=mark, threads=settings.threads, extra=settings.environment)
        request_read, self._requests = os.pipe()
        self._results, result_write = os.pipe()
        try:
            command = self._command(environment, request_read, result_write)
            with self._log.open("wb") as _, self._log.open("ab") as log:
                self.process = processes.start(
                    lambda: subprocess.Popen(
                        command,
                        stdin=subprocess.DEVNULL,
                        stdout=log,
                        stderr=subprocess.STDOUT,
                        pass_fds=(request_read, result_write),
                        start_new_session=True,
                        cwd=root / "exchange",
                        env=environment,
                    )
                )
        except BaseException:
            os.close(self._requests)
            os.close(self._results)
            raise
        finally:
            os.close(request_read)
            os.close(result_write)
        os.set_blocking(self._requests, False)
        os.set_blocking(self._results, False)
        self._watch, self._held, self._next_look = Watch(self.process.pid), Held(), 0.0
        self._oom_kills = oom_kills()
        self._finalizer = weakref.finalize(self, _shut, self.process, mark, self._requests, self._results)

    def _command(self, environment: dict[str, str], requests: int, results: int) -> list[str]:
        given = self._settings
        plan = Plan.of(
            given.sandbox,
            self._root,
            writable=given.writable,
            file_bytes=given.file_bytes,
            # the watch, which can say what happened, is to come first
            tasks=2 * given.task_limit,
        )
        # within process numbers of its own, the worker does not see this process; the wrapper ends it in time
        parent = 0 if given.sandbox.kind == "bubblewrap" else os.getpid()
        numbers = [str(requests), str(results), str(parent)]
        serve = [given.python, "-P", "-X", "faulthandler", "-m", "tilewright.workers.serve"]
        before = wrapping(given.sandbox, self._root, plan, given.python, environment)
        return [*before, *serve, *numbers, plan.to_json(), *given.preload]

    def call(self, job: str, arguments: Mapping[str, object], timeout_s: float) -> Outcome:
        """Run one job; see :meth:`Worker.call`."""
        began = time.monotonic()
        limit_s = _START_LIMIT_S
        try:
            if not self.ready:
                hello = self._wait("ready", began + limit_s)
                if hello.get("confined") != self._settings.sandbox.kind:
                    raise _GoneError(str(hello.get("message") or "the worker did not put its sandbox in force"))
                if hello["kind"] != "returned":
                    return self._outcome(hello, began)
                self.ready = True
            with contextlib.suppress(OSError):
                os.truncate(self._log, 0)
            self._oom_kills = oom_kills()
            began, limit_s = time.monotonic(), timeout_s
            nonce = secrets.token_hex(12)
            line = json.dumps({"nonce": nonce, "job": job, "arguments": dict(arguments)}) + "\n"
            self._send(line.encode(), began + timeout_s)
            return self._outcome(self._wait(nonce, began + timeout_s), began)
        except TimeoutError:
            what = "the job took" if self.ready else "the worker took to start"
            return self._ended("timed_out", f"{what} more than {limit_s:g} s", began)
        except _OverLimitError as error:
            return self._ended("out_of_memory", str(error), began)
        except _TooManyTasksError as error:
            return self._ended("crashed", str(error), began)
        except _GoneError as error:
            return self._gone(str(error), began)

    def close(self, *, at_once: bool = False) -> None:
        """End the process group and close the pipes; ``at_once`` without the time to end by itself."""
        if (ending := self._finalizer.detach()) is not None:
            _, function, arguments, _ = ending
            function(*arguments, grace_s=0.0 if at_once else _GRACE_S)

    def _send(self, data: bytes, deadline: float) -> None:
        view = memoryview(data)
        with selectors.DefaultSelector() as selector:
            selector.register(self._requests, selectors.EVENT_WRITE)
            while view:
                self._tick(selector, deadline)
                try:
                    view = view[os.write(self._requests, view[: 1 << 16]) :]
                except BlockingIOError:
                    continue
                except BrokenPipeError as error:
                    raise _GoneError(self._end_in_words()) from error

    def _wait(self, nonce: str, deadline: float) -> dict[str, Any]:
        with selectors.DefaultSelector() as selector:
            selector.register(self._results, selectors.EVENT_READ)
            searched = 0
            while True:
                newline = self._pending.find(b"\n", searched)
                if newline >= 0:
                    line = bytes(self._pending[:newline])
                    del self._pending[: newline + 1]
                    searched = 0
                    if (answer := _parse(line, nonce)) is not None:
                        return answer
                    continue
                searched = len(self._pending)
                if searched > _LINE_LIMIT_BYTES:
                    raise _GoneError("the worker's answer is longer than 256 MiB")
                if self._tick(selector, deadline):
                    self._receive()

    def _receive(self) -> None:
        try:
            chunk = os.read(self._results, 1 << 20)
        except BlockingIOError:
            return
        if not chunk:
            raise _GoneError(self._end_in_words())
        self._pending += chunk

    def _tick(self, selector: selectors.BaseSelector, deadline: float) -> bool:
        """Wait for the pipe a little; whether it is ready. Raises when time, memory or the process ran out."""
        ready = bool(selector.select(min(_TICK_S, max(0.0, deadline - time.monotonic()))))
        now = time.monotonic()
        # also while the pipe has something: a job may write to it without end
        if now >= self._next_look:
            self._look()
            self._next_look = time.monotonic() + _TICK_S
        if now >= deadline:
            raise TimeoutError
        if not ready and self.process.poll() is not None and not selector.select(0):
            raise _GoneError(self._end_in_words())
        return ready

    def _look(self) -> None:
        """Weigh the worker; raises where it holds too much."""
        self._held = self._watch.look()
        memory_bytes, limit = self._held.memory_bytes, self._settings.memory_bytes
        if limit is not None and memory_bytes > limit:
            raise _OverLimitError(f"the job held {memory_bytes >> 20} MiB; the limit is {limit >> 20} MiB")
        if self._held.tasks > self._settings.task_limit:
            what = f"the job ran {self._held.tasks} processes and threads"
            raise _TooManyTasksError(f"{what}; the limit is {self._settings.task_limit}")

    def _end_in_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=2)
        code = self._exit_code()
        if code is None:
            return "the worker closed its pipe"
        what = "the worker" if self.ready else "the worker, while it started,"
        if code < 0:
            return f"{what} was ended by {_signal_name(-code)}"
        return f"{what} ended itself with exit code {code}"

    def _exit_code(self) -> int | None:
        code = self.process.poll()
        if code is not None and code > _SIGNAL_CODES and self._settings.sandbox.kind == "bubblewrap":
            # the wrapper ended by itself, and passes on in this way what ended the worker
            return _SIGNAL_CODES - code
        return code

    def _gone(self, message: str, began: float) -> Outcome:
        """The process is no more: whether the system ended it for lack of memory, or something else did."""
        if self._exit_code() == -signal.SIGKILL and oom_kills() > self._oom_kills:
            return self._ended("out_of_memory", "the system ended the worker for lack of memory", began)
        return self._ended("crashed", message, began)

    def _outcome(self, answer: dict[str, Any], began: float) -> Outcome:
        return Outcome(
            kind=answer["kind"],
            value=answer.get("value"),
            error_type=str(answer.get("error_type", "")),
            message=str(answer.get("message", "")),
            stderr_tail=self._tail(),
            elapsed_s=time.monotonic() - began,
        )

    def _ended(self, kind: Any, message: str, began: float) -> Outcome:
        elapsed_s = time.monotonic() - began
        code = self._exit_code() if kind == "crashed" else None
        # whatever it would do with more time, such as to start more processes, is of no use
        self.close(at_once=True)
        return Outcome(kind=kind, message=message, stderr_tail=self._tail(), exit_code=code, elapsed_s=elapsed_s)

    def _tail(self) -> str:
        try:
            with self._log.open("rb") as log:
                log.seek(max(0, log.seek(0, os.SEEK_END) - _TAIL_BYTES))
                return log.read().decode("utf-8", "replace")
        except OSError:
            return ""


def _parse(line: bytes, nonce: str) -> dict[str, Any] | None:
    """The answer to this call, or ``None`` for anything else that reached the pipe."""
    try:
        answer = json.loads(line)
    except ValueError:
        return None
    if not isinstance(answer, dict) or answer.get("nonce") != nonce:
        return None
    return answer if answer.get("kind") in ("returned", "raised", "out_of_memory") else None


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _shut(
    process: subprocess.Popen[bytes], mark: str, requests: int, results: int, *, grace_s: float = _GRACE_S
) -> None:
    processes.end(process, mark, grace_s=grace_s)
    os.close(requests)
    os.close(results)
