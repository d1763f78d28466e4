"""How the calls of one file are dealt out, and that it makes no difference to what is found."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tilewright.prove import Prover, fleet
from tilewright.prove.fleet import Fleet
from tilewright.prove.results import Result
from tilewright.prove.session import CUDA, MODELLED, Case, Generated
from tilewright.records.problem import Problem
from tilewright.records.source import KernelSource, TensorSpec

CORPUS = Path(__file__).parents[1] / "adversarial"


class Recorder:
    """Stands in for a session: notes what it was given, and ends some cases otherwise."""

    ends: dict[str, str] = {}

    def __init__(self, *_: object, **__: object) -> None:
        self.ran: list[list[str]] = []

    def run(self, cases: Sequence[Case], *, stop_at_crash: bool) -> dict[str, Result]:
        assert stop_at_crash
        self.ran.append([case.name for case in cases])
        return {case.name: Result(kind=self.ends.get(case.name, "ran")) for case in cases}

    def close(self) -> None:
        pass


@pytest.fixture
def make(monkeypatch: pytest.MonkeyPatch) -> Callable[[int], Fleet]:
    monkeypatch.setattr(fleet, "Session", Recorder)
    return lambda count: Fleet([SimpleNamespace(jobs=CUDA)] * count, "", "ModelNew", seed=0, timeout_s=1.0)


def case(name: str, *shape: int, large: bool = False, **changes: object) -> Case:
    spec = TensorSpec(name="x", dtype="f32", shape=shape)
    values = Generated(distribution="normal", seed=0, salt="", dtypes=("f32",)) if large else []
    instance = name.partition("_")[0]
    made = Case(
        name=name,
        problem=Problem(inputs=(spec,)),
        instance=instance,
        dtypes=("f32",),
        cast=None,
        values=values,
        arithmetic=MODELLED,
    )
    return replace(made, **changes)  # type: ignore[arg-type]


def ran(made: Fleet) -> list[list[list[str]]]:
    return [session.ran for session in made._sessions]


def test_calls_that_need_one_binary_go_to_one_worker(make: Callable[[int], Fleet]) -> None:
    made = make(2)
    results = made.run([case("a", 32, 16), case("b", 7, 5), case("c", 64, 48), case("d", 9, 11)])
    assert list(results) == ["a", "b", "c", "d"]
    assert sorted(sorted(name for part in each for name in part) for each in ran(made)) == [["a", "c"], ["b", "d"]]


def test_calls_of_an_instance_stay_together_in_later_stages_too(make: Callable[[int], Fleet]) -> None:
    made = make(3)
    made.run([case("a_1", 32, 16), case("b_1", 7, 5), case("a_2", 32, 16)])
    made.run([case("a_3", 32, 16)])
    first = next(each for each in ran(made) if each and "a_1" in each[0])
    assert first == [["a_1", "a_2"], ["a_3"]]


def test_large_calls_come_first_and_tuning_last_and_results_are_told_as_they_come(make: Callable[[int], Fleet]) -> None:
    made, told = make(2), []
    some = [case("a", 32), case("t", 32, first_call=True), case("big", 32, large=True)]
    made._home = dict.fromkeys(("a", "t", "big"), 0)
    made.run(some, lambda ended: told.append(list(ended)))
    assert ran(made)[0] == [["big"], ["a"], ["t"]]
    assert told == [["big"], ["a"], ["t"]]


@pytest.mark.parametrize(("kind", "goes_on"), [("raised", True), ("crashed", False), ("timed_out", False)])
def test_nothing_runs_in_a_worker_after_a_case_that_did_not_end(
    make: Callable[[int], Fleet], monkeypatch: pytest.MonkeyPatch, kind: str, goes_on: bool
) -> None:
    monkeypatch.setattr(Recorder, "ends", {"big": kind})
    made = make(2)
    made._home = dict.fromkeys(("a", "big"), 0)
    results = made.run([case("a", 32), case("big", 32, large=True)])
    assert results["a"].kind == ("ran" if goes_on else "not_run")


def test_several_workers_find_what_one_finds(source: Callable[[str], KernelSource], shelf, worker) -> None:
    """A tuned file: its configurations run ahead of their turn where there are several workers."""
    spec = tuple(TensorSpec(name=name, dtype="f32", shape=(40, 24)) for name in ("a", "b"))
    ragged = (Problem(inputs=spec, label="ragged"), Problem(inputs=tuple(replace(s, shape=(9, 7)) for s in spec)))
    reference = (CORPUS / "references/n_gelu.py").read_text()
    text = (CORPUS / "honest/tuned_warps_gelu.py").read_text()
    problems = [replace(problem, inputs=problem.inputs[:1]) for problem in ragged]
    held = Prover(None, problems=problems, reference=reference, dtypes=(), worker=worker)
    with shelf.interpreter_worker() as one, shelf.interpreter_worker() as two:
        alone, shared = (held.prove(source(text), workers=some) for some in ([one], [one, two]))
    assert (alone.status, alone.reason) == (shared.status, shared.reason)
    told = [[(c.name, c.shapes, c.distribution, c.error, c.bound, c.detail) for c in v.checks] for v in (alone, shared)]
    assert sorted(told[0]) == sorted(told[1])
    assert any("autotune configuration 2" in check.detail for check in alone.checks)
