"""Workers that tests of other things share: PyTorch and Triton take seconds to start."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tilewright.prove import prover, stock, verifier
from tilewright.prove.session import ENVIRONMENT, INTERPRETER
from tilewright.search import session
from tilewright.workers import Pool, Worker


class Shelf:
    """Workers that nobody uses just now, by what they were started with.

    Their processes go from test to test as those of one ``Verifier`` go from candidate to candidate. One that ended,
    by itself or by its limits, or that still works, is not put back.
    """

    def __init__(self) -> None:
        self._idle: dict[str, list[Worker]] = {}
        self.open = True

    def worker(self, **settings: Any) -> Worker:
        """As ``Worker(**settings)``, with a process that may have started long ago."""
        key = repr(sorted(settings.items()))
        idle = self._idle.setdefault(key, [])
        return idle.pop() if idle else _Kept(lambda worker: self._put(key, worker), **settings)

    def interpreter_worker(self) -> Worker:
        """As :func:`tilewright.prove.interpreter_worker`."""
        return self.worker(environment=ENVIRONMENT, preload=(INTERPRETER,), memory_bytes=prover._INTERPRETER_BYTES)

    def pool(self, **settings: Any) -> Pool:
        """As ``Pool(**settings)``."""
        made = Pool(**settings)
        made._make = lambda: self.worker(**settings)
        return made

    def close(self) -> None:
        """End all of them."""
        self.open = False
        for idle in self._idle.values():
            for worker in idle:
                worker.close()

    def _put(self, key: str, worker: Worker) -> bool:
        idle = self._idle[key]
        if not self.open or worker.pid is None or worker in idle or worker._lock.locked():
            return worker in idle
        for left in worker.folder.iterdir():
            if left.is_dir():
                shutil.rmtree(left, ignore_errors=True)
            else:
                left.unlink()
        idle.append(worker)
        return True


class _Kept(Worker):
    """A worker that goes back to its shelf where it would end."""

    def __init__(self, put_back: Callable[[Worker], bool], **settings: Any) -> None:
        self._put_back = put_back
        super().__init__(**settings)

    def close(self) -> None:
        if not self._put_back(self):
            super().close()


@pytest.fixture(scope="session")
def shelf() -> Iterator[Shelf]:
    """The workers that tests of one process share."""
    made = Shelf()
    yield made
    made.close()


@pytest.fixture
def warm(shelf: Shelf, monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands that run in this process take their workers from the shelf."""
    for module in (prover, stock, verifier, session):
        monkeypatch.setattr(module, "interpreter_worker", shelf.interpreter_worker)
    for module in (verifier, session):
        monkeypatch.setattr(module, "Worker", shelf.worker)
    monkeypatch.setattr(session, "Pool", shelf.pool)
