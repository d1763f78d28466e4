"""A store in a folder of its own, and records to put in it."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tilewright.records.build import Build, InstructionMix
from tilewright.records.source import Request
from tilewright.records.timing import Comparison, Decision, Interval, TimedFile
from tilewright.records.verdict import Check, Status, Verdict
from tilewright.source import read_request
from tilewright.store import RunLog, Store

REQUEST = {"path": "kernel.py", "gpu": "rtx4090", "device": "none", "stage": "block_tiling", "seed": 7}
VERSIONS = {"tilewright": "0.1.0", "triton": "3.9.0"}
TABLES = ("runs", "texts", "candidates", "builds", "verdicts", "timings", "profiles", "answers", "documents")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "kept" / "runs.sqlite"


@pytest.fixture
def store(path: Path) -> Store:
    return Store(path)


@pytest.fixture
def log(store: Store) -> Iterator[RunLog]:
    with store.begin(REQUEST, versions=VERSIONS) as log:
        yield log


@pytest.fixture
def rows(path: Path) -> Callable[..., list[tuple[object, ...]]]:
    """Ask the file itself."""

    def ask(query: str) -> list[tuple[object, ...]]:
        connection = sqlite3.connect(path)
        try:
            return connection.execute(query).fetchall()
        finally:
            connection.close()

    return ask


@pytest.fixture
def counts(rows) -> Callable[[], dict[str, object]]:
    return lambda: {table: rows(f"SELECT count(*) FROM {table}")[0][0] for table in TABLES}


@pytest.fixture
def verdict() -> Verdict:
    check = Check(
        name="output: largest error / rms",
        dtype="fp16",
        shapes=((100, 52), (36,)),
        distribution="normal",
        error=float("inf"),
        bound=4e-4,
        original_error=None,
        passed=False,
    )
    return Verdict(status=Status.REFUTED, checks=(check,), reason="output differs", seed=2**63 - 1, elapsed_s=4.5)


@pytest.fixture
def build() -> Build:
    return Build(
        kernel="matmul",
        compute_capability=(8, 9),
        num_warps=4,
        num_stages=3,
        registers_per_thread=128,
        spill_bytes=0,
        shared_bytes=65536,
        mix=InstructionMix(loop={"HMMA": 64}, outside={}, loop_modifiers={"HMMA.1688": 64}),
        triton_version="3.9.0",
        ptxas_version="12.9.86",
        content_hash="0123",
    )


@pytest.fixture
def comparison() -> Comparison:
    def timed(sha256: str) -> TimedFile:
        interval = Interval(value=2.0, low=1.9, high=2.1)
        return TimedFile(sha256=sha256, cold_us=interval, warm_us=interval, graph_us=None, host_us=interval)

    return Comparison(
        baseline=timed("a"),
        candidate=timed("b"),
        decision=Decision.FASTER,
        ratio=Interval(value=2.5, low=2.4, high=2.6),
        warm_ratio=Interval(value=2.5, low=2.4, high=float("nan")),
        noise_floor=0.01,
        pairs=24,
    )


@pytest.fixture
def prompt_request() -> Request:
    """What the reference prompt asks for: code, metrics, and numbers of its own for the GPU."""
    return read_request(str(Path(__file__).parents[2] / "examples" / "seed" / "prompt.txt"))
