"""What candidates are held against, once it has been run: parent side."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from tilewright.prove.compare import Baseline
from tilewright.prove.halves import Array, round_to
from tilewright.prove.plan import Planned
from tilewright.prove.results import Result, State
from tilewright.prove.session import FRESH, MODELLED, REFILLED, Case, Generated, Values
from tilewright.prove.structure import judge

_VARIED_BY = 0x7661


@dataclass(slots=True)
class Baselines:
    """The calls that can be compared, the model's state, and what had to be left out."""

    usable: list[Baseline] = field(default_factory=list)
    states: dict[tuple[object, ...], State] = field(default_factory=dict)
    unchecked: list[str] = field(default_factory=list)
    timed_out: bool = False
    lost: str = ""
    """Why calls of small problems could not be compared though nothing is wrong with them."""
    needed: dict[str, float] = field(default_factory=dict)
    """Which part of each input (``input 0``) the exact answer depends on, at least."""
    torch_ops: frozenset[str] = frozenset()
    """Operators of PyTorch that the user's own original calls, and a candidate therefore may."""

    def falls_back(self, base: Baseline) -> bool:
        """Whether the original leaves this call to PyTorch, and others to its kernels: a candidate may do likewise."""
        called = [one.original for one in self.usable if one.original is not None and one.original.ran]
        own = base.original
        if own is None or not own.ran or judge.launched(own.seen):
            return False
        return any(judge.launched(one.seen) for one in called)

    def pair(self, second: Planned) -> tuple[Result, Result] | None:
        """The original's first and second call of one instance, where both ran."""
        own = [base for base in self.usable if base.planned.instance == second.instance]
        first = next((base.original for base in own if not base.planned.second), None)
        later = next((base.original for base in own if base.planned.name == second.name), None)
        return (first, later) if first is not None and later is not None and first.ran and later.ran else None

    def case(self, planned: Planned, values: Values | Generated, **changes: object) -> Case:
        """The call of ``planned`` as the original and candidates make it."""
        return make_case(planned, values, self.state_of(planned), **changes)

    def state_of(self, planned: Planned) -> dict[str, Array]:
        """Parameters and buffers that the call's model starts with."""
        state = self.states.get(planned.problem.init_arguments, State())
        return varied(state) if planned.varied else state.values


def make_case(planned: Planned, values: Values | Generated, state: dict[str, Array], **changes: object) -> Case:
    """A call in the planned dtype, under the modelled arithmetic, with ``changes`` to the Case's fields."""
    if not planned.own:
        state = {name: round_to(v, planned.dtype) if v.dtype.kind == "f" else v for name, v in state.items()}
    case = Case(
        name=planned.name,
        problem=planned.problem,
        instance=planned.instance,
        dtypes=planned.dtypes,
        cast=None if planned.own else planned.dtype,
        values=values,
        arithmetic=MODELLED,
        state=state,
        # the second call of a model gets the first one's tensors with other values in them
        probe=REFILLED if planned.second else FRESH,
        continues=planned.second,
        needs_state=planned.varied,
    )
    return replace(case, **changes)  # type: ignore[arg-type]


def varied(state: State) -> dict[str, Array]:
    """Parameters that a file cannot have folded into anything when its model was made; buffers may be constants."""
    rng = np.random.default_rng(_VARIED_BY)
    return {
        name: values * rng.uniform(0.5, 1.5, values.shape) if can_vary(state, name) else values
        for name, values in state.values.items()
    }


def can_vary(state: State, name: str) -> bool:
    """Whether :func:`varied` changes it."""
    return name in state.parameters and state.values[name].dtype.kind == "f"
