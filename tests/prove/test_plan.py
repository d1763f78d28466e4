"""What is run where: telling distributions on the main problem, extremes where they are cheap."""

from __future__ import annotations

from tilewright.prove import inputs, small_problems
from tilewright.prove.plan import Planned, plan
from tilewright.records.problem import Problem
from tilewright.records.source import TensorSpec


def planned(seed_inputs: tuple[TensorSpec, ...], *, brief: bool = False) -> list[Planned]:
    return plan(small_problems(seed_inputs), ("fp32", "fp16", "bf16"), brief=brief)


def test_extremes_run_on_the_smallest_ragged_problem(seed_inputs: tuple[TensorSpec, ...]) -> None:
    calls = planned(seed_inputs)
    assert {p.problem.label for p in calls if p.distribution in inputs.TELLING[1:] and p.own} == {"ragged"}
    assert {p.problem.label for p in calls if p.distribution in inputs.EXTREME} == {"ragged small"}
    assert {p.distribution for p in calls} == {*inputs.TELLING, *inputs.EXTREME}
    assert all(p.own for p in calls if p.distribution in inputs.EXTREME)
    assert calls[0].distribution == inputs.NORMAL
    assert len({p.name for p in calls}) == len(calls)


def test_a_brief_plan_folds_them(seed_inputs: tuple[TensorSpec, ...]) -> None:
    full, brief = planned(seed_inputs), planned(seed_inputs, brief=True)
    assert len(full) - len(brief) == len(inputs.EXTREME) - len(inputs.FOLDED)
    assert {p.distribution for p in brief} == {*inputs.TELLING, *inputs.FOLDED}


def test_integers_of_full_range_need_an_integer() -> None:
    problem = Problem(inputs=(TensorSpec(name="i", dtype="i32", shape=(50,)),), label="ragged")
    calls = plan([problem], ("fp32",))
    assert inputs.FULL_RANGE in {p.distribution for p in calls}
    assert not {p.distribution for p in calls} & {*inputs.EXTREME, *inputs.FOLDED}
