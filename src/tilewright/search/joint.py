"""After the stages of a run that only predicts: tile, launch and operand layouts moved at once.

A stage alone gets stuck where only two moves together help: 32-bit wgmma runs at its rate with operands along k and a
large tile, and neither the tile nor the layout gains much without the other. What is written here starts from the
input again, and replaces all that the stages did, so the gain over them has to be beyond the model's doubts.
"""

from __future__ import annotations

from dataclasses import fields

from tilewright.cost import compare, estimate
from tilewright.families import Plan
from tilewright.records.algorithm import Contraction
from tilewright.records.estimate import Estimate
from tilewright.records.launch import Capture
from tilewright.records.schedule import Schedule
from tilewright.records.source import KernelSource
from tilewright.records.stage import Stage
from tilewright.records.trial import Refusal
from tilewright.search.analyse import Analysed
from tilewright.search.changes import describe
from tilewright.search.explore import PLANS_BUILT, Explored, write_and_build
from tilewright.search.session import Session
from tilewright.stages import UNOWNED_FIELDS

STAGE = Stage(
    name="polish",
    position=99,
    focus="All fields together, where the gain over the stages is beyond doubt.",
    fields=tuple(field.name for field in fields(Schedule) if field.name not in UNOWNED_FIELDS),
    tunable=(),
    thresholds=(),
    guidelines=(),
    safety_rules=(),
    autotune_rules=(),
)
_LAYOUT = ("a_layout", "b_layout", "descriptors", "operand_dtype")
_TILE = (*_LAYOUT, "block_m", "block_n", "block_k", "num_warps", "num_stages")
_ORDER = ("program_order", "group_m")
_ORDERED = 16
"""Schedules whose program order is varied too."""


def explore_jointly(
    source: KernelSource, analysed: Analysed, inputs: Capture, best: Estimate, stage: Stage, session: Session
) -> tuple[tuple[Explored, ...], tuple[Refusal, ...]]:
    """Single schedules of one launch that are certain to beat ``best`` once built, predicted fastest first.

    Args:
        source: the input.
        analysed: its launch, with the input's own schedule.
        inputs: the input's capture.
        best: what the stages reached.
        stage: STAGE, with the fields that the run's precision policy leaves open.
        session: the processes to work with.
    """
    if not isinstance(analysed.lifted.algorithm, Contraction) or analysed.analysis.estimate is None:
        return (), ()
    kernel = analysed.lifted.launch.kernel
    explored: list[Explored] = []
    refusals: list[Refusal] = []
    plans = [plan for predicted, plan in _ranked(analysed, stage, session) if compare(best, predicted).low > 1.0]
    for number, plan in enumerate(plans[:PLANS_BUILT], 1):
        session.say(f"{stage.name}: writing and building plan {number} of {len(plans[:PLANS_BUILT])} for {kernel}")
        one = write_and_build(source, analysed, plan, inputs, stage, session)
        if isinstance(one, Refusal):
            refusals.append(one)
        elif compare(best, one.estimate).low > 1.0:
            explored.append(one)
        else:
            what = f"{kernel}: {describe(plan[0])}"
            refusals.append(Refusal(what=what, reason="once built, not certain to beat what the stages reached"))
    return tuple(sorted(explored, key=lambda one: one.estimate.time_us)), tuple(refusals)


def _ranked(analysed: Analysed, stage: Stage, session: Session) -> list[tuple[Estimate, Plan]]:
    """Plans of one schedule, predicted fastest first, the best program order of each tile."""
    family, lifted, target = analysed.family, analysed.lifted, session.target
    known: dict[Schedule, Estimate] = {}

    def predicted(schedule: Schedule) -> Estimate:
        if schedule not in known:
            known[schedule] = estimate(family.work(lifted, schedule, lifted.launch), target)
        return known[schedule]

    def fastest(schedules: tuple[Schedule, ...]) -> list[Schedule]:
        return sorted(schedules, key=lambda one: predicted(one).time_us)

    together = [name for name in _TILE if name in stage.fields]
    tiles = fastest(family.variants(lifted, lifted.schedule, target, together))[:_ORDERED]
    best = [fastest((tile, *family.variants(lifted, tile, target, _ORDER)))[0] for tile in tiles]
    return [(predicted(one), (one,)) for one in fastest(tuple(dict.fromkeys(best)))]
