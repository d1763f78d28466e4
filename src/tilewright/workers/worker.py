"""One process that runs jobs, one after the other."""

from __future__ import annotations

import shutil
import sys
import tempfile
import threading
import weakref
from collections.abc import Mapping, Sequence
from pathlib import Path

from tilewright.workers.outcome import Outcome
from tilewright.workers.sandbox import Sandbox, best_sandbox
from tilewright.workers.session import Session, Settings

FILE_BYTES = 16 << 30
"""The largest file that a worker may write, unless its caller says otherwise."""
TASK_LIMIT = 1024
"""The most processes and threads of a worker, unless its caller says otherwise."""


class Worker:
    """A Python process in a session of its own that runs jobs given by name.

    It has private folders (``HOME``, ``TMPDIR``, ``TRITON_CACHE_DIR``, working folder) that go away with it, only the
    allowed part of the environment, and a pipe for results that nothing printed can reach. After a crash, a time-out
    or exhausted memory the next call finds a fresh process. It runs in :attr:`sandbox`, which it puts in force before
    any code that is not trusted, or else ends; where that is of kind ``none``, code in it can read and write whatever
    the user can, and reach the network.

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
        sandbox: Sandbox | None = None,
        writable: Sequence[Path] = (),
        file_bytes: int = FILE_BYTES,
        task_limit: int = TASK_LIMIT,
    ) -> None:
        """Start the process.

        Args:
            python: the interpreter to run.
            environment: variables on top of the allowed ones.
            memory_bytes: the most resident memory that the worker and its children may hold; checked every 20 ms
                or so where the system tells (Linux), so that a burst can pass it for that long.
            preload: modules to import at start, before the first job's clock runs.
            threads: what OMP_NUM_THREADS and the like are set to.
            sandbox: what confines it; by default the best that this machine has (see :func:`best_sandbox`).
            writable: folders that it may change besides its private ones.
            file_bytes: the largest file that it may write.
            task_limit: the most processes and threads that it may run; more end the job.

        Raises:
            InputError: the user asked for a sandbox that does not work here.
        """
        self.sandbox: Sandbox = best_sandbox() if sandbox is None else sandbox
        """What confines the process."""
        self._settings = Settings(
            python=python,
            environment=dict(environment or {}),
            memory_bytes=memory_bytes,
            preload=tuple(preload),
            threads=threads,
            sandbox=self.sandbox,
            writable=tuple(str(Path(folder).resolve()) for folder in writable),
            file_bytes=file_bytes,
            task_limit=task_limit,
        )
        self._root = Path(tempfile.mkdtemp(prefix="tilewright-worker-"))
        self.folder: Path = self._root / "exchange"
        """Private folder that both sides can use for large arrays; also the process's working folder."""
        self.folder.mkdir(mode=0o700)
        self._lock = threading.Lock()
        self._session: Session | None = None
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

    def restart(self) -> None:
        """End the process; the next call has a fresh one. For what a job leaves broken, such as a GPU's context."""
        with self._lock:
            self._end()

    def close(self) -> None:
        """End the process with its children and remove its folders."""
        self._closed = True
        self._end()
        self._remove()

    def _start(self) -> Session:
        for name in ("home", "tmp", "triton"):
            shutil.rmtree(self._root / name, ignore_errors=True)
        self._session = Session(self._settings, self._root)
        return self._session

    def _end(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()
