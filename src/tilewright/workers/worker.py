"""One process that runs jobs, one after the other."""

from __future__ import annotations

import contextlib
import json
import os
import secrets
import selectors
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from tilewright.workers import processes
from tilewright.workers.environment import worker_environment
from tilewright.workers.outcome import Outcome

_TICK_S = 0.05
_START_LIMIT_S = 120.0
_LINE_LIMIT_BYTES = 1 << 28
_TAIL_BYTES = 8_000


class _OverLimitError(Exception):
    """Raised while waiting: the worker holds more memory than it may."""


class _GoneError(Exception):
    """Raised while waiting: the process ended, or broke the protocol."""


class Worker:
    """A Python process in a session of its own that runs jobs given by name.

    It has private folders (``HOME``, ``TMPDIR``, ``TRITON_CACHE_DIR``, working folder) that go away with it, only the
    allowed part of the environment, and a pipe for results that nothing printed can reach. After a crash, a time-out
    or exhausted memory the next call finds a fresh process. Limit: it is separated, not confined: code in it can still
    read and write whatever the user can, and reach the network.

    Not for use by two threads at once; calls wait for each other.
    """

    def __init__(
        self,
        *,
        python: str = sys.executable,
        environment: Mapping[str, str] | None = None,
        memory_bytes: int | None = None,
        preload: Sequence[str] = (),
        threads: int = 1,
    ) -> None:
        """Start the process.

        Args:
            python: the interpreter to run.
            environment: variables on top of the allowed ones.
            memory_bytes: the most resident memory that the worker and its children may hold; checked every 50 ms
                where the system tells (Linux), so that a burst can pass it for that long.
            preload: modules to import at start, before the first job's clock runs.
            threads: what OMP_NUM_THREADS and the like are set to.
        """
        self._python, self._memory_bytes, self._preload = python, memory_bytes, tuple(preload)
        self._environment, self._threads = dict(environment or {}), threads
        self._root = Path(tempfile.mkdtemp(prefix="tilewright-worker-"))
        self.folder: Path = self._root / "exchange"
        """Private folder that both sides can use for large arrays; also the process's working folder."""
        self.folder.mkdir(mode=0o700)
        self._lock = threading.Lock()
        self._session: _Session | None = None
        self._closed = False
        self._remove = weakref.finalize(self, shutil.rmtree, self._root, ignore_errors=True)
        self._start()

    def __enter__(self) -> Worker:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    def pid(self) -> int | None:
        """Process id of the running process, or ``None`` between a failure and the next call."""
        return None if self._session is None else self._session.process.pid

    def call(self, job: str, arguments: Mapping[str, object], *, timeout_s: float) -> Outcome:
        """Run one job and wait for it.

        Args:
            job: ``package.module:function``.
            arguments: keyword arguments, as JSON values.
            timeout_s: seconds of wall clock for the job; the start of the process does not count.
        """
        with self._lock:
            if self._closed:
                raise RuntimeError("this worker is closed")
            session = self._session or self._start()
            try:
                outcome = session.call(job, arguments, timeout_s)
            except BaseException:
                self._end()
                raise
            if outcome.kind not in ("returned", "raised") or not session.ready:
                self._end()
            return outcome

    def close(self) -> None:
        """End the process with its children and remove its folders."""
        self._closed = True
        self._end()
        self._remove()

    def _start(self) -> _Session:
        for name in ("home", "tmp", "triton"):
            shutil.rmtree(self._root / name, ignore_errors=True)
        mark = secrets.token_hex(12)
        environment = worker_environment(self._root, mark=mark, threads=self._threads, extra=self._environment)
        self._session = _Session(self._python, self._preload, environment, mark, self._root, self._memory_bytes)
        return self._session

    def _end(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()


class _Session:
    """One life of a worker's process, from its start to its end."""

    def __init__(
        self,
        python: str,
        preload: tuple[str, ...],
        environment: dict[str, str],
        mark: str,
        root: Path,
        memory_bytes: int | None,
    ) -> None:
        self._mark, self._log, self._memory_bytes = mark, root / "output.log", memory_bytes
        self.ready = False
        self._pending = bytearray()
        request_read, self._requests = os.pipe()
        self._results, result_write = os.pipe()
        numbers = [str(request_read), str(result_write), str(os.getpid())]
        command = [python, "-P", "-X", "faulthandler", "-m", "tilewright.workers.serve", *numbers, *preload]
        try:
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
        finally:
            os.close(request_read)
            os.close(result_write)
        os.set_blocking(self._requests, False)
        os.set_blocking(self._results, False)
        self._finalizer = weakref.finalize(self, _shut, self.process, mark, self._requests, self._results)

    def call(self, job: str, arguments: Mapping[str, object], timeout_s: float) -> Outcome:
        """Run one job; see :meth:`Worker.call`."""
        began = time.monotonic()
        limit_s = _START_LIMIT_S
        try:
            if not self.ready:
                hello = self._wait("ready", began + limit_s)
                if hello["kind"] != "returned":
                    return self._outcome(hello, began)
                self.ready = True
            with contextlib.suppress(OSError):
                os.truncate(self._log, 0)
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
        except _GoneError as error:
            return self._ended("crashed", str(error), began)

    def close(self) -> None:
        """End the process group and close the pipes."""
        self._finalizer()

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
        if selector.select(min(_TICK_S, max(0.0, deadline - time.monotonic()))):
            return True
        if time.monotonic() >= deadline:
            raise TimeoutError
        if self.process.poll() is not None and not selector.select(0):
            raise _GoneError(self._end_in_words())
        if self._memory_bytes is not None:
            held = processes.resident_bytes(self.process.pid)
            if held > self._memory_bytes:
                raise _OverLimitError(f"the job held {held >> 20} MiB; the limit is {self._memory_bytes >> 20} MiB")
        return False

    def _end_in_words(self) -> str:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(timeout=2)
        code = self.process.returncode
        if code is None:
            return "the worker closed its pipe"
        if code < 0:
            return f"the worker was ended by {_signal_name(-code)}"
        return f"the worker ended itself with exit code {code}"

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
        code = self.process.poll() if kind == "crashed" else None
        self.close()
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


def _shut(process: subprocess.Popen[bytes], mark: str, requests: int, results: int) -> None:
    processes.end(process, mark)
    os.close(requests)
    os.close(results)
