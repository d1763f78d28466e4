"""Several workers that share a list of jobs."""

from __future__ import annotations

import functools
import os
import sys
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from tilewright.workers.outcome import Outcome
from tilewright.workers.sandbox import Sandbox
from tilewright.workers.worker import FILE_BYTES, TASK_LIMIT, Worker

_MOST = 16


class Pool:
    """A fixed number of workers, each started when there is work for it and kept between calls of :meth:`map`."""

    def __init__(
        self,
        size: int | None = None,
        *,
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
        """Make the pool; nothing starts yet.

        Args:
            size: number of workers; by default one a processor, 16 at the most.
            python: see :class:`Worker`, as are all the others; ``memory_bytes`` holds for each worker.
            environment: see :class:`Worker`.
            memory_bytes: see :class:`Worker`.
            preload: see :class:`Worker`.
            threads: see :class:`Worker`.
            sandbox: see :class:`Worker`.
            writable: see :class:`Worker`.
            file_bytes: see :class:`Worker`.
            task_limit: see :class:`Worker`.
        """
        self.size = max(1, size if size is not None else min(_MOST, os.cpu_count() or 1))
        self._make: Callable[[], Worker] = functools.partial(
            Worker,
            python=python,
            environment=environment,
            memory_bytes=memory_bytes,
            preload=preload,
            threads=threads,
            sandbox=sandbox,
            writable=writable,
            file_bytes=file_bytes,
            task_limit=task_limit,
        )
        self._workers: list[Worker] = []

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def map(self, job: str, arguments: Sequence[Mapping[str, object]], *, timeout_s: float) -> list[Outcome]:
        """Run ``job`` once for each entry of ``arguments``; outcomes come in the same order.

        One job's crash or time-out costs the others nothing: its worker starts again and goes on.

        Args:
            job: ``package.module:function``.
            arguments: keyword arguments of each job, as JSON values.
            timeout_s: seconds of wall clock for each job.
        """
        outcomes: list[Outcome | None] = [None] * len(arguments)
        errors: list[BaseException] = []
        numbers = iter(range(len(arguments)))
        lock = threading.Lock()

        def work(worker: Worker) -> None:
            try:
                while not errors:
                    with lock:
                        number = next(numbers, None)
                    if number is None:
                        return
                    outcomes[number] = worker.call(job, arguments[number], timeout_s=timeout_s)
            except BaseException as error:  # handed to the caller's thread below
                errors.append(error)

        threads = [threading.Thread(target=work, args=(worker,), daemon=True) for worker in self._ready(len(arguments))]
        try:
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
        except BaseException:
            self.close()
            raise
        if errors:
            raise errors[0]
        return [outcome for outcome in outcomes if outcome is not None]

    def close(self) -> None:
        """End all workers."""
        workers, self._workers = self._workers, []
        for worker in workers:
            worker.close()

    def _ready(self, jobs: int) -> list[Worker]:
        wanted = min(self.size, jobs)
        while len(self._workers) < wanted:
            self._workers.append(self._make())
        return self._workers[:wanted]
