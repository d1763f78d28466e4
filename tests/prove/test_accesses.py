"""Memory accesses, held against bounds in the interpreter beside a GPU that does not see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tilewright import targets
from tilewright.prove import accesses, baseline, fleet, host, prover, small_problems, stock, verifier
from tilewright.prove.architectures import VARIABLE
from tilewright.prove.baseline import BaselineBuilder
from tilewright.prove.baselines import Baselines
from tilewright.prove.reference import verified_file
from tilewright.prove.session import ENVIRONMENT, Host
from tilewright.records.source import TensorSpec
from tilewright.records.verdict import Status
from tilewright.records.verification import Claim, Verification
from tilewright.workers import Worker

HERE = str(Path(__file__).parent)
CORPUS = Path(__file__).parent.parent / "adversarial"
REFERENCE = (CORPUS / "references" / "h_row_sum.py").read_text()
READS_BEYOND = (CORPUS / "hostile" / "out_of_bounds_read.py").read_text()
LOAD = "tl.load(x_ptr + row * columns + inner)"
HONEST = READS_BEYOND.replace(LOAD, "tl.load(x_ptr + row * columns + inner, mask=inner < columns, other=0.0)")
BEGINS = "        x = x.contiguous()\n"
FIRST = "    row = tl.program_id(0)\n"
ASSEMBLY = FIRST + (
    "    tl.inline_asm_elementwise('mov.u32 $0, 1;', '=r,r', [row], dtype=tl.int32, is_pure=True, pack=1)\n"
)
TUNED = HONEST.replace(
    "@triton.jit\n",
    "@triton.autotune([triton.Config({'BEYOND': 0}), triton.Config({'BEYOND': 0}), triton.Config({'BEYOND': 4})],"
    " key=['columns'])\n@triton.jit\n",
).replace("BLOCK: tl.constexpr):", "BLOCK: tl.constexpr, BEYOND: tl.constexpr):")
TUNED = TUNED.replace("mask=inner < columns", "mask=inner < columns + BEYOND")


@pytest.fixture(scope="module")
def baselines(worker: Worker) -> Baselines:
    inputs = (TensorSpec(name="x", dtype="f32", shape=(48, 60)),)
    problems = [problem for problem in small_problems(inputs) if problem.label in ("ragged", "ragged small", "even")]
    own = Host(worker=worker)
    builder = BaselineBuilder(None, REFERENCE, oracle=own, host=own, uncompilable=[], seed=1, timeout_s=60)
    return builder.build(problems, ())


@pytest.fixture
def look(baselines: Baselines, worker: Worker) -> Callable[..., accesses.Looked]:
    def look(text: str, original: str | None = None) -> accesses.Looked:
        return accesses.look(baselines, text, worker=worker, original=original, own=worker, seed=1)

    return look


Look = Callable[..., accesses.Looked]


def test_a_read_beyond_the_end_fails(look: Look) -> None:
    found = look(READS_BEYOND)
    (item,) = (item for _, item in found.judged)
    assert (item.check.name, item.check.passed) == ("memory accesses", False)
    assert "line 11 in the interpreter: out-of-bounds load: " in item.check.detail
    assert "past the end of x_ptr" in item.check.detail
    assert not found.notes


def test_an_honest_file_holds_on_the_smallest_ragged_problem(look: Look) -> None:
    found = look(HONEST)
    assert found.judged[0][0].problem.label == "ragged small"
    assert all(planned.problem.label.startswith("ragged") for planned, _ in found.judged)
    assert all(item.check.passed for _, item in found.judged)
    assert not found.notes


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        pytest.param(FIRST, ASSEMBLY, "raised at line 1", id="assembly"),
        pytest.param(BEGINS, "        raise ValueError('boo')\n", "ValueError: boo", id="raises"),
        pytest.param(BEGINS, "        import os\n        os.abort()\n", "crashed", id="crash"),
        pytest.param("class ModelNew", "class Model", "ModelNew", id="no model"),
    ],
)
def test_what_the_interpreter_cannot_run_is_said_and_refutes_nothing(old: str, new: str, said: str, look: Look) -> None:
    assert old in READS_BEYOND
    found = look(READS_BEYOND.replace(old, new))
    assert not found.judged
    (note,) = found.notes
    assert note.startswith("memory accesses were not held against bounds: in the interpreter the candidate ")
    assert said in note


def test_a_file_that_takes_too_long_there_is_not_waited_for(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(accesses, "_LIMIT_S", 1.0)
    found = look(HONEST.replace(BEGINS, "        while True:\n            pass\n"))
    assert not found.judged
    assert "the candidate timed out" in found.notes[0]


def test_every_configuration_is_looked_at_as_far_as_there_is_time(look: Look, monkeypatch: pytest.MonkeyPatch) -> None:
    failed = [item.check for _, item in look(TUNED).judged if not item.check.passed]
    assert [check.detail.partition(";")[0] for check in failed] == ["autotune configuration 3 of 3"]
    monkeypatch.setattr(accesses, "_AFFORDABLE_S", 0.0)
    found = look(TUNED)
    assert all(item.check.passed for _, item in found.judged)
    assert "those of 2 of 3 autotune configurations: one takes " in found.notes[0]


def test_what_the_original_does_itself_is_not_held_against_a_candidate(look: Look) -> None:
    found = look(READS_BEYOND, original=READS_BEYOND)
    assert not found.judged
    assert "bounds: the original's own fail, at line 11: OutOfBoundsError" in found.notes[0]
    assert [item.check.passed for _, item in look(READS_BEYOND, original=HONEST).judged] == [False]


def test_without_a_small_problem_nothing_is_claimed(worker: Worker) -> None:
    found = accesses.look(Baselines(), HONEST, worker=worker, original=None, own=None, seed=1)
    assert found == accesses.Looked(notes=["memory accesses were not held against bounds: no small problem"])


@pytest.fixture(scope="module")
def on_gpu() -> Iterator[verifier.Verifier]:
    """A verifier on a GPU that is none: the interpreter without bounds."""
    patch = pytest.MonkeyPatch()
    for module in (baseline, fleet, host, prover, stock):
        patch.setattr(module, "CUDA", "unbounded_job")

    def worker(architecture: int | None) -> Worker:
        environment = {**ENVIRONMENT, "PYTHONPATH": HERE, VARIABLE: str(architecture)}
        return Worker(environment=environment, preload=("unbounded_job",))

    for module in (stock, verifier):
        patch.setattr(module, "cuda_worker", worker)
    patch.setattr(verifier, "small_problems", lambda *given: [p for p in small_problems(*given) if "ragged" in p.label])
    patch.setattr(verifier, "real_problems", lambda *given, **_: ())
    with verifier.Verifier(target=targets.load("h200"), version="0", device="cuda", workers=1, architecture=86) as made:
        yield made
    patch.undo()


def verified(on_gpu: verifier.Verifier, text: str) -> Verification:
    claim = Claim(candidate=verified_file("candidate.py", text), reference=verified_file("reference.py", REFERENCE))
    return on_gpu.verify(claim, seed=3)


def test_on_a_gpu_what_the_interpreter_cannot_run_stays_open(on_gpu: verifier.Verifier) -> None:
    needed = "        assert torch.cuda.get_device_properties(0).multi_processor_count > 100, 'too small'\n"
    found = verified(on_gpu, HONEST.replace(BEGINS, needed + BEGINS))
    assert found.verdict.status is Status.PROVED, found.verdict.reason
    assert not any(check.name == "memory accesses" for check in found.verdict.checks)
    assert any("accesses were not held against bounds: in the" in said for said in found.verdict.unchecked)


def test_on_a_gpu_the_interpreter_looks_on(on_gpu: verifier.Verifier) -> None:
    right = verified(on_gpu, HONEST)
    assert right.verdict.status is Status.PROVED, right.verdict.reason
    assert any(check.name == "memory accesses" for check in right.verdict.checks)
    assert right.architecture == "sm_86"
    wrong = verified(on_gpu, READS_BEYOND)
    assert wrong.verdict.status is Status.REFUTED
    assert wrong.refused_by == "memory accesses"
    assert "past the end of x_ptr (ragged" in wrong.verdict.reason
