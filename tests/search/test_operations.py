"""What a file's own kernels do in one call: counted from the Triton IR of its launches."""

from __future__ import annotations

from pathlib import Path

import pytest

from tilewright import source, targets
from tilewright.capture import PRELOAD
from tilewright.prove.reference import verified_file
from tilewright.records.source import TensorSpec
from tilewright.records.verification import Claim
from tilewright.search.operations import operations_of

pytestmark = pytest.mark.usefixtures("warm")
ROOT = Path(__file__).parents[2]
SEED_INPUTS = (
    TensorSpec(name="A", dtype="f32", shape=(8192, 2048)),
    TensorSpec(name="B", dtype="f32", shape=(4096, 8192)),
)


def claim(path: Path, inputs: tuple[TensorSpec, ...]) -> Claim:
    text = source.read_request(str(path)).source.text
    return Claim(candidate=verified_file(str(path), text), inputs=inputs)


def test_a_contraction_counts_two_for_each_m_n_and_k() -> None:
    found = operations_of(claim(ROOT / "examples/seed/prompt.txt", SEED_INPUTS), targets.load("4090"))
    assert found == {"tensor_tf32": 2.0 * 2048 * 4096 * 8192}


def test_a_worker_that_has_started_counts_one_file_after_the_other(shelf) -> None:
    seed = claim(ROOT / "examples/seed/prompt.txt", SEED_INPUTS)
    with shelf.worker(preload=PRELOAD) as worker:
        before = worker.pid
        counts = [operations_of(seed, targets.load("4090"), worker=worker) for _ in range(2)]
        assert worker.pid == before
    assert counts == [{"tensor_tf32": 2.0 * 2048 * 4096 * 8192}] * 2


def test_of_an_autotuned_launch_one_configuration_counts() -> None:
    found = operations_of(claim(ROOT / "examples/seed/output.py", SEED_INPUTS), targets.load("4090"))
    assert found == {"tensor_tf32": 2.0 * 2048 * 4096 * 8192}


def test_what_does_not_lift_counts_nothing() -> None:
    inputs = (TensorSpec(name="x", dtype="f32", shape=(64, 1024)),)
    assert operations_of(claim(ROOT / "examples/layernorm/input.py", inputs), targets.load("4090")) == {}
