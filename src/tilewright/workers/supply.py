"""Fresh workers at hand: each is used once, and another one starts meanwhile."""

from __future__ import annotations

import functools
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tilewright.workers.sandbox import Sandbox, best_sandbox
from tilewright.workers.worker import FILE_BYTES, TASK_LIMIT, Worker


class Supply:
    """Keeps some workers started, for callers that want a process which has run nothing before.

    A worker's imports take seconds and run on their own; who takes one seldom waits for them. Use as a context manager:
    it ends the workers that nobody took.
    """

    def __init__(
        self,
        *,
        spare: int = 1,
        python: str = sys.executable,
        environment: Mapping[str, str] | None = None,
        memory_bytes: int | None = None,
        preload: Sequence[str] = (),
        threads: int = 1,
        sandbox: Sandbox | None = None,
        writable: Sequence[Path] = (),
        file_bytes: int = FILE_BYTES,
        task_limit: int = TASK_LIMIT,
    ) -> None:
        """Start the first ones.

        Args:
            spare: how many wait; at least 1.
            python: see :class:`Worker`, as are all the others.
            environment: see :class:`Worker`.
            memory_bytes: see :class:`Worker`.
            preload: see :class:`Worker`.
            threads: see :class:`Worker`.
            sandbox: see :class:`Worker`.
            writable: see :class:`Worker`.
            file_bytes: see :class:`Worker`.
            task_limit: see :class:`Worker`.
        """
        chosen = best_sandbox() if sandbox is None else sandbox
        self._make: Callable[[], Worker] = functools.partial(
            Worker,
            python=python,
            environment=environment,
            memory_bytes=memory_bytes,
            preload=preload,
            threads=threads,
            sandbox=chosen,
            writable=writable,
            file_bytes=file_bytes,
            task_limit=task_limit,
        )
        self._lock = threading.Lock()
        self._closed = False
        self._waiting: list[Worker] = []
        try:
            for _ in range(max(1, spare)):
                self._waiting.append(self._make())
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Supply:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def take(self) -> Worker:
        """A started worker, which the caller has to close; the next one starts at once."""
        with self._lock:
            if self._closed:
                raise RuntimeError("this supply is closed")
            # to start a process takes milliseconds; what it imports then, it imports on its own
            self._waiting.append(self._make())
            return self._waiting.pop(0)

    def close(self) -> None:
        """End the workers that wait."""
        with self._lock:
            self._closed = True
            waiting, self._waiting = self._waiting, []
        for worker in waiting:
            worker.close()
