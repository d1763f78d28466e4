"""What every test stands on: a store of its own, and workers that tests of other things share."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tilewright.prove import prover, stock, verifier
from tilewright.prove.session import ENVIRONMENT, INTERPRETER
from tilewright.search import operations, session
from tilewright.workers import Pool, Worker

_HERE = Path(__file__).parent


class Shelf:
    """Workers that nobody uses just now, by what they were started with. PyTorch and Triton take seconds to start.

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


_ENDS = "examples/test_inputs.py::test_input_ends_in_a_proved_file_or_as_it_was"
_TOGETHER = {
    "benchmarks/test_corpus.py": "flat_grid_matmul",
    "benchmarks/test_forms.py": "capture",
    "capture": "capture",
    "cli/test_resume.py": "flat_grid_matmul",
    f"{_ENDS}[flat_grid_matmul]": "flat_grid_matmul",
    f"{_ENDS}[seed]": "seed",
    "examples/test_seed_output.py": "seed",
    "families/contraction/test_lift": "families",
    "families/opaque": "families",
    "families/ttir": "families",
    "prove/structure/test_watch.py": "watch",
    "prove/test_accesses.py": "prove",
    "prove/test_layouts.py": "prove",
    "prove/test_planted.py": "prove",
    "prove/test_prove_": "prove",
    "prove/test_real_size.py": "prove",
    "prove/test_reference.py": "prove",
    "search/measured": "measured",
    "search/test_joint.py": "measured",
    "search/test_operations.py": "capture",
}
"""Beginnings of the names of tests that share a worker, PyTorch and Triton in their own process, or builds, and the
group's name: what takes seconds, one process of pytest-xdist does for all of them."""


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep together what shares something costly."""
    for item in items:
        path = item.path.relative_to(_HERE).as_posix() if item.path.is_relative_to(_HERE) else ""
        group = next((group for start, group in _TOGETHER.items() if f"{path}::{item.name}".startswith(start)), None)
        if group is not None:
            item.add_marker(pytest.mark.xdist_group(group))


@pytest.fixture(scope="session", autouse=True)
def _store_of_its_own(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Commands that a test runs, in this process or another, keep their runs away from the user's own."""
    path = tmp_path_factory.mktemp("store") / "runs.sqlite"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TILEWRIGHT_STORE", str(path))
        yield path


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
    for module in (operations, verifier, session):
        monkeypatch.setattr(module, "Worker", shelf.worker)
    monkeypatch.setattr(session, "Pool", shelf.pool)
