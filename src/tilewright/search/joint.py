"""After the stages of a run that only predicts: tile, launch and operand layouts moved at once.

A stage alone gets stuck where only two moves together help: 32-bit wgmma runs at its rate with operands along k and a
large tile, and neither the tile nor the layout gains much without the other. What is written here starts from the
input again, and replaces all that the stages did: it has to be faster than the input beyond the model's doubts, and
faster than what the stages reached by more than a rounding of the model.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import fields
from math import inf, isfinite, log

from tilewright.cost import compare, estimate
from tilewright.families import Plan
from tilewright.records.algorithm import Contraction
from tilewright.records.estimate import Estimate
from tilewright.records.launch import Capture, Launch
from tilewright.records.schedule import Schedule
from tilewright.records.source import KernelSource
from tilewright.records.stage import Stage
from tilewright.records.target import Target
from tilewright.records.trial import KernelAnalysis, Refusal, Trial
from tilewright.search.analyse import Analysed
from tilewright.search.changes import describe
from tilewright.search.explore import PLANS_BUILT, Explored, write_and_build
from tilewright.search.session import Session
from tilewright.stages import UNOWNED_FIELDS

STAGE = Stage(
    name="polish",
    position=99,
    focus="All fields together, since some moves help only beside others.",
    fields=tuple(field.name for field in fields(Schedule) if field.name not in UNOWNED_FIELDS),
    tunable=(),
    thresholds=(),
    guidelines=(),
    safety_rules=(),
    autotune_rules=(),
)
_LAYOUT = ("a_layout", "b_layout", "descriptors", "operand_dtype")
_TILE = (*_LAYOUT, "block_m", "block_n", "block_k", "num_warps", "num_stages")
_WALK = ("program_order", "group_m", "split_k", "persistent")
_GROUP = 8
"""Tile rows of a group while tiles are compared; each gets its own best order afterwards."""
_FEW_SUMS = 2 * 64 * 64
"""Sums for each SM up to which programs may share a tile's k: with more, tiles alone fill the GPU."""
_ORDERED = 16
"""Schedules whose program order is varied too."""
_EACH = 2
"""Of those, of one kind."""
_ALIKE = 1.02
"""Predicted times within this factor are one time."""
_GAIN = 1.05
"""Over the stages, predicted, for what throws all of their work away; and over a whole k, for what splits it."""


def explore_jointly(
    source: KernelSource, analysed: Analysed, inputs: Capture, best: Estimate, stage: Stage, session: Session
) -> tuple[tuple[Explored, ...], tuple[Refusal, ...]]:
    """Single schedules of one launch that beat ``best`` once built, and the input for certain, fastest first.

    Args:
        source: the input.
        analysed: its launch, with the input's own schedule.
        inputs: the input's capture.
        best: what the stages reached, or the input.
        stage: STAGE, with the fields that the run's precision policy leaves open.
        session: the processes to work with.
    """
    own = analysed.analysis.estimate
    if not isinstance(analysed.lifted.algorithm, Contraction) or own is None:
        return (), ()

    def pays(found: Estimate) -> bool:
        return compare(own, found).low > 1.0 and best.time_us > _GAIN * found.time_us

    kernel = analysed.lifted.launch.kernel
    explored: list[Explored] = []
    refusals: list[Refusal] = []
    plans = [plan for predicted, plan in _ranked(analysed, stage, session) if pays(predicted)]
    for number, plan in enumerate(plans[:PLANS_BUILT], 1):
        session.say(f"{stage.name}: writing and building plan {number} of {len(plans[:PLANS_BUILT])} for {kernel}")
        one = write_and_build(source, analysed, plan, inputs, stage, session)
        if isinstance(one, Refusal):
            refusals.append(one)
        elif pays(one.estimate):
            explored.append(one)
        else:
            what = f"{kernel}: {describe(plan[0])}"
            refusals.append(Refusal(what=what, reason="once built, not predicted to beat what the stages reached"))
    return tuple(sorted(explored, key=lambda one: one.estimate.time_us)), tuple(refusals)


def to_beat(launches: Sequence[Launch], slowest: KernelAnalysis, accepted: Sequence[Trial]) -> Estimate | None:
    """What the stages reached for the slowest kernel, or its own estimate where they left it.

    Args:
        launches: of the input.
        slowest: the input's kernel that takes longest.
        accepted: the stages' trials, in their order.

    Returns:
        ``None`` where another kernel of the input was rewritten as well: that would be lost. What a stage made of a
        kernel that an earlier one had written, such as the sums of a split k, goes with that.
    """
    kernel = slowest.launch.kernel
    reached = {trial.candidate.kernel: trial.estimate for trial in accepted}
    if any(launch.kernel in reached and launch.kernel != kernel for launch in launches):
        return None
    return reached.get(kernel, slowest.estimate)


def _ranked(analysed: Analysed, stage: Stage, session: Session) -> list[tuple[Estimate, Plan]]:
    """Plans of one schedule, predicted fastest first."""
    family, lifted, target = analysed.family, analysed.lifted, session.target
    known: dict[Schedule, Estimate] = {}

    def predicted(schedule: Schedule) -> Estimate:
        if schedule not in known:
            known[schedule] = estimate(family.work(lifted, schedule, lifted.launch), target)
        return known[schedule]

    return [(known[one], (one,)) for one in ranked_jointly(analysed, target, predicted, stage.fields)]


def ranked_jointly(
    analysed: Analysed, target: Target, predicted: Callable[[Schedule], Estimate], allowed: Collection[str]
) -> list[Schedule]:
    """The tiles with their layouts that are predicted fastest, each in its best program order, fastest first.

    Where times are alike, since memory sets them all, that one comes first whose other resources are least busy.

    Args:
        analysed: the launch; the search starts from the input's own schedule.
        target: the GPU.
        predicted: of a schedule.
        allowed: names of Schedule fields that may change.
    """
    family, lifted = analysed.family, analysed.lifted

    def fastest(schedules: Iterable[Schedule]) -> list[Schedule]:
        return sorted(dict.fromkeys(schedules), key=lambda one: _rank(predicted(one)))

    together = [name for name in _TILE if name in allowed]
    walks = _walks(analysed, target, allowed)
    tiles = _unlike(fastest(one for walk in walks for one in family.variants(lifted, walk, target, together)))
    walking = [name for name in _WALK if name in allowed]

    def best_walk(tile: Schedule) -> Schedule:
        found = fastest((tile, *family.variants(lifted, tile, target, walking)))
        whole = next((one for one in found if one.split_k == 1), found[0])
        return whole if predicted(whole).time_us < _GAIN * predicted(found[0]).time_us else found[0]

    return fastest(best_walk(tile) for tile in tiles)


def _rank(found: Estimate) -> tuple[float, float]:
    if not isfinite(found.time_us):
        return inf, inf
    return round(log(found.time_us) / log(_ALIKE)), sum(found.floors_us.values())


def _unlike(schedules: Iterable[Schedule]) -> list[Schedule]:
    """The first of each kind, in their order: tiles of one size that are brought in one way teach much the same."""
    counted: dict[object, int] = {}
    chosen = []
    for one in schedules:
        kind = (one.block_m * one.block_n, one.descriptors, one.operand_dtype)
        counted[kind] = counted.get(kind, 0) + 1
        if counted[kind] <= _EACH:
            chosen.append(one)
        if len(chosen) == _ORDERED:
            break
    return chosen


def _walks(analysed: Analysed, target: Target, allowed: Collection[str]) -> list[Schedule]:
    """The input's schedule with other ways through its tiles, to look for the best tile under each of them."""
    family, lifted, own = analysed.family, analysed.lifted, analysed.lifted.schedule
    walking = [name for name in _WALK if name in allowed]
    programs = family.work(lifted, own, lifted.launch).programs // own.split_k
    few = programs * own.block_m * own.block_n <= _FEW_SUMS * target.sm_count
    walks = [
        one
        for one in family.variants(lifted, own, target, walking)
        if (one.program_order, one.group_m) == ("grouped", _GROUP) and (one.split_k == 1 or few)
    ]
    return walks or [own]
