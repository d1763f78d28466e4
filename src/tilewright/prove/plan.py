"""Which calls a proof makes: problems, dtypes and distributions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

from tilewright.prove import inputs
from tilewright.records.problem import Problem

SHORT = {"fp32": "f32", "fp16": "f16", "bf16": "bf16", "fp64": "f64"}
LONG = {short: long for long, short in SHORT.items()}


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """One call to make with the oracle, the original and the candidate alike."""

    name: str
    problem: Problem
    dtype: str
    """Dtype of the run, short: what the main float inputs are made as."""
    own: bool
    """Whether ``dtype`` is what the problem itself states."""
    distribution: str
    second: bool = False
    """Whether this is the second call of its model, with the first one's tensors refilled in place."""
    varied: bool = False
    """Whether the model's parameters are others than those it was made with."""
    generated: bool = False
    """Whether each worker makes the values, because they are too many to send."""

    @property
    def instance(self) -> str:
        """Calls with one problem and dtype share a model, so that what a call leaves behind meets the next."""
        return f"{self.name.partition('_')[0]}/{self.dtype}"

    @property
    def dtypes(self) -> tuple[str, ...]:
        """Dtype of each of forward's arguments."""
        return self.dtypes_at(self.dtype)

    def dtypes_at(self, dtype: str) -> tuple[str, ...]:
        """As :attr:`dtypes`, for another run dtype."""
        main = main_dtype(self.problem)
        return tuple(dtype if spec.dtype == main else spec.dtype for spec in self.problem.inputs)

    @property
    def longest(self) -> int:
        """Longest input dimension: what a sum may run over."""
        return max((size for spec in self.problem.inputs for size in spec.shape), default=1)

    def words(self) -> str:
        """This call in a few words, for a reason."""
        shapes = " ".join(
            "x".join(map(str, spec.shape)) or "scalar" for spec in self.problem.inputs if spec.dtype != "python"
        )
        what = f"{self.problem.label or 'problem'} {shapes}, {LONG.get(self.dtype, self.dtype)}, {self.distribution}"
        return f"{what}, other parameters" if self.varied else what


def main_dtype(problem: Problem) -> str | None:
    """Dtype of the first float input: the one that a run in another precision changes."""
    return next((spec.dtype for spec in problem.inputs if spec.dtype in inputs.FLOATS), None)


def probes(problems: Sequence[Problem]) -> list[Planned]:
    """One call of each problem in its own dtype: which of them does the original run, and how fast?"""
    return [
        Planned(name=f"p{n}_probe", problem=p, dtype=main_dtype(p) or "f32", own=True, distribution=inputs.NORMAL)
        for n, p in enumerate(problems)
    ]


def size_of(problem: Problem) -> int:
    """Elements of all inputs: how much there is to do, roughly."""
    return sum(math.prod(spec.shape) for spec in problem.inputs if spec.dtype != "python")


def plan(
    problems: Sequence[Problem], dtypes: Sequence[str], main: Problem | None = None, *, brief: bool = False
) -> list[Planned]:
    """Calls for the interpreter, the most telling first.

    ``main`` (the problem labelled ragged, or the first) meets every distribution of :data:`inputs.TELLING` in its own
    dtype, a second call with fresh values among them; other dtypes meet two distributions on it. The smallest ragged
    problem meets those of :data:`inputs.EXTREME`, one call each, or folded into two calls where ``brief``; other
    problems meet one in each dtype.
    """
    if not problems:
        return []
    if main is None:
        main = next((p for p in problems if p.label.startswith("ragged")), problems[0])
    ragged = [p for p in problems if p.label.startswith("ragged")]
    least = min([main, *ragged], key=lambda p: size_of(p) if p.label != "size 1" else math.inf)
    planned: list[Planned] = []
    for number, problem in sorted(enumerate(problems), key=lambda pair: pair[1] is not main):
        stated = main_dtype(problem)
        wanted = [SHORT[name] for name in dtypes]
        runs = [stated] + [name for name in wanted if name != stated] if stated else ["f32"]
        for dtype in runs:
            assert dtype is not None
            own = dtype == stated or stated is None
            distributions = _distributions(problem is main, own)
            if problem is least and own:
                distributions += _extremes(problem, brief)
            for index, distribution in enumerate(distributions):
                planned.append(
                    Planned(
                        name=f"p{number}_{dtype}_{index}",
                        problem=problem,
                        dtype=dtype,
                        own=own,
                        distribution=distribution,
                        second=distribution == inputs.SECOND,
                    )
                )
    return planned


def plan_varied(main: Planned) -> Planned:
    """A call as ``main``, of a model of its own whose parameters were changed after it was made."""
    return replace(main, name=f"varied_{main.name}", varied=True)


def plan_own(stated: Problem) -> Planned:
    """The reference's own call, on the values of its own generator."""
    dtype = main_dtype(stated) or "f32"
    return Planned(name=f"own_{dtype}_0", problem=stated, dtype=dtype, own=True, distribution=inputs.REFERENCE)


def plan_real(problems: Sequence[Problem]) -> list[Planned]:
    """Two calls of one model for each problem at its real size, in the dtype that it states."""
    return [
        Planned(
            name=f"real{number}_{main_dtype(problem)}_{index}",
            problem=problem,
            dtype=main_dtype(problem) or "f32",
            own=True,
            distribution=distribution,
            second=index > 0,
            generated=True,
        )
        for number, problem in enumerate(problems)
        for index, distribution in enumerate((inputs.NORMAL, inputs.UNIFORM))
    ]


def _distributions(main: bool, own: bool) -> tuple[str, ...]:
    if main and own:
        return inputs.TELLING
    return (inputs.NORMAL, inputs.UNIFORM) if main else (inputs.NORMAL,)


def _extremes(problem: Problem, brief: bool) -> tuple[str, ...]:
    kinds = {spec.dtype for spec in problem.inputs} - {*inputs.FLOATS, "python", "bool"}
    whole = (inputs.FULL_RANGE,) if kinds else ()
    if main_dtype(problem) is None:
        return whole
    return (*(inputs.FOLDED if brief else inputs.EXTREME), *whole)
