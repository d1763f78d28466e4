"""One worker and one seed baseline for all tests of a process: the interpreter starts slowly."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tilewright.prove import Prover, small_problems
from tilewright.records.source import KernelSource, TensorSpec
from tilewright.workers import Worker

DATA = Path(__file__).parent.parent / "data"
SEED_INPUTS = (
    TensorSpec(name="A", dtype="f32", shape=(8192, 2048)),
    TensorSpec(name="B", dtype="f32", shape=(4096, 8192)),
)


def _source(text: str) -> KernelSource:
    return KernelSource(path="kernel.py", text=text, kernels=())


@pytest.fixture(scope="session")
def source() -> Callable[[str], KernelSource]:
    """Make a KernelSource of a text."""
    return _source


@pytest.fixture(scope="session")
def seed_inputs() -> tuple[TensorSpec, ...]:
    return SEED_INPUTS


@pytest.fixture(scope="session")
def worker(shelf) -> Iterator[Worker]:
    with shelf.interpreter_worker() as started:
        yield started


@pytest.fixture(scope="session")
def seed_text() -> str:
    return (DATA / "seed_kernel.py").read_text()


@pytest.fixture(scope="session")
def grouped_text() -> str:
    return (DATA / "seed_grouped.py").read_text()


@pytest.fixture(scope="session")
def seed_prover(worker: Worker, seed_text: str) -> Prover:
    """The seed's kernel in float32 on the ragged problem and on size 1: enough to catch what these tests plant."""
    problems = [p for p in small_problems(SEED_INPUTS) if p.label in ("ragged", "size 1")]
    return Prover(_source(seed_text), problems=problems, dtypes=("fp32",), worker=worker)


@pytest.fixture
def change() -> Callable[..., str]:
    """Replace parts of a text, each of which must be there."""

    def apply(text: str, *pairs: tuple[str, str]) -> str:
        for old, new in pairs:
            assert old in text, old
            text = text.replace(old, new)
        return text

    return apply
