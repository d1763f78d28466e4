"""Which schedules to write and build, of all that are legal: those predicted fastest, and not all of one kind."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from math import isfinite, log

from tilewright.cost import estimate
from tilewright.records.estimate import Estimate
from tilewright.records.schedule import Schedule
from tilewright.records.stage import Stage
from tilewright.records.target import Target
from tilewright.search.analyse import Analysed
from tilewright.stages import foreign_changes

ALIKE = 1.02
"""Predicted times within this factor are one time: the simpler change comes first."""
_NAMES = tuple(field.name for field in fields(Schedule))


@dataclass(frozen=True, slots=True, kw_only=True)
class Proposals:
    """What a stage will try."""

    chosen: tuple[Schedule, ...]
    considered: int
    """Schedules that were estimated."""


class Estimator:
    """Predictions for schedules that nothing was built of yet, each computed once."""

    def __init__(self, analysed: Analysed, target: Target) -> None:
        self._analysed, self._target = analysed, target
        self._known: dict[Schedule, Estimate] = {}

    def estimate(self, schedule: Schedule) -> Estimate:
        """Of a launch on the input's sizes."""
        if schedule not in self._known:
            lifted = self._analysed.lifted
            work = self._analysed.family.work(lifted, schedule, lifted.launch)
            self._known[schedule] = estimate(work, self._target)
        return self._known[schedule]

    def time_us(self, schedule: Schedule) -> float:
        """Predicted; infinite for one that does not fit."""
        return self.estimate(schedule).time_us


def for_stage(
    analysed: Analysed,
    base: Schedule,
    stage: Stage,
    target: Target,
    estimator: Estimator,
    *,
    most: int,
    alone: bool,
    seen: Collection[Schedule],
) -> Proposals:
    """The schedules that a stage should build.

    Args:
        analysed: the kernel.
        base: the schedule that the stage begins with.
        stage: owns the fields that may change.
        target: the GPU.
        estimator: of this kernel.
        most: how many to choose.
        alone: no other stage runs: the fields that the stage's rules let a tuner choose may change too, one group.
        seen: schedules that were built before.
    """
    groups: Iterable[tuple[str, ...]] = stage.tunable if alone else ()
    found: list[Schedule] = []
    for tuned in ((), *groups):
        offered = analysed.family.variants(analysed.lifted, base, target, {*stage.fields, *tuned})
        found += [one for one in offered if not foreign_changes(stage, base, one, tuned=tuned)]
    fresh = [one for one in dict.fromkeys(found) if one not in seen]
    return Proposals(chosen=choose(fresh, base, estimator, most=most), considered=len(fresh))


def choose(
    schedules: Sequence[Schedule],
    base: Schedule,
    estimator: Estimator,
    *,
    most: int,
    corrections: Mapping[Schedule, float] | None = None,
) -> tuple[Schedule, ...]:
    """The predicted fastest, the simpler change first where the model cannot tell, and few with the same tile.

    Args:
        schedules: what there is to choose from.
        base: what a change is counted from.
        estimator: of this kernel.
        most: how many to choose.
        corrections: what a prediction is multiplied by, for schedules near one that was measured.
    """
    factors = corrections or {}
    timed = [(estimator.time_us(one) * factors.get(one, 1.0), one) for one in schedules]
    ranked = sorted(
        (pair for pair in timed if isfinite(pair[0])),
        key=lambda pair: (round(log(pair[0]) / log(ALIKE)), distance(pair[1], base), pair[0]),
    )
    kinds = {_kind(one) for _, one in ranked}
    each = max(2, -(-most // max(len(kinds), 1)))
    counted: dict[object, int] = {}
    chosen: list[Schedule] = []
    for _, one in ranked:
        kind = _kind(one)
        counted[kind] = counted.get(kind, 0) + 1
        if counted[kind] <= each:
            chosen.append(one)
        if len(chosen) == most:
            break
    return tuple(chosen)


def distance(one: Schedule, base: Schedule) -> int:
    """How many fields differ."""
    return sum(getattr(one, name) != getattr(base, name) for name in _NAMES)


def _kind(one: Schedule) -> tuple[object, ...]:
    """What makes one binary unlike another at first sight."""
    tile = (one.block_m, one.block_n, one.block_k, one.num_warps, one.num_stages)
    return (*tile, one.a_layout, one.b_layout, one.descriptors, one.operand_dtype)
