"""Vary what one stage owns: rank plans by estimate, write and build the best, and rank them again by their binaries."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace

from tilewright.capture import capture
from tilewright.cost import compare, estimate
from tilewright.errors import InputError
from tilewright.families import Plan
from tilewright.records.algorithm import Opaque
from tilewright.records.build import Build, BuildFailure
from tilewright.records.estimate import Estimate
from tilewright.records.launch import Capture, Launch
from tilewright.records.schedule import Schedule
from tilewright.records.source import KernelSource
from tilewright.records.stage import Stage, Threshold
from tilewright.records.trial import Candidate, Refusal
from tilewright.search.analyse import OVERWRITES, Analysed, build_launches
from tilewright.search.changes import changes_of, describe, kernel_docstring
from tilewright.search.session import Session
from tilewright.stages import foreign_changes

PLANS_BUILT = 4
"""Plans that are written and built in one stage: which of its first few is fastest, the model cannot tell."""
LEAST_GAIN = 1.02
"""Predicted gain under which a plan is not worth a change of the file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Explored:
    """A written and built plan: what it became, and how fast its best entry is predicted to be."""

    candidate: Candidate
    source: KernelSource
    capture: Capture
    builds: tuple[Build | BuildFailure, ...]
    estimate: Estimate
    estimates: tuple[Estimate, ...]
    """Of every entry, in the order of ``builds``."""
    ratio: float


def explore(
    source: KernelSource,
    analysed: Analysed,
    inputs: Capture,
    stage: Stage,
    session: Session,
    *,
    metrics: Mapping[str, float],
    on_promise: Callable[[], None],
) -> tuple[tuple[Explored, ...], tuple[Refusal, ...]]:
    """Return the stage's candidates for one launch, predicted fastest first, and what was not done and why.

    ``on_promise`` is called once there is something to build, and so perhaps something to prove.
    """
    before = analysed.analysis.estimate
    kernel = analysed.lifted.launch.kernel
    if before is None:
        return (), (Refusal(what=f"{kernel}: estimate", reason=_failure_text(analysed.analysis.build)),)
    fine = healthy(stage, metrics)
    if fine:
        return (), (Refusal(what=f"{kernel}: {stage.name}", reason=fine),)
    plans = tuple(
        plan
        for plan in analysed.family.candidates(analysed.lifted, session.target, stage)
        if _within(stage, analysed.lifted.schedule, plan)
    )
    if not plans:
        return (), (Refusal(what=f"{kernel}: {stage.name}", reason=_nothing_to_vary(analysed, stage)),)
    ranked = _rank(plans, analysed, session)
    promising = [(time_us, plan) for time_us, plan in ranked if before.time_us / time_us > LEAST_GAIN]
    if not promising:
        best_us, best = ranked[0]
        reason = _not_worth_it(analysed, before, len(plans), describe(best[0]), before.time_us / best_us)
        return (), (Refusal(what=f"{kernel}: {stage.name}", reason=reason),)
    on_promise()
    explored: list[Explored] = []
    refusals: list[Refusal] = []
    for number, (_, plan) in enumerate(chosen := _varied(promising, analysed.lifted.schedule), 1):
        session.say(f"{stage.name}: writing and building plan {number} of {len(chosen)} for {kernel}")
        one = write_and_build(source, analysed, plan, inputs, stage, session)
        if isinstance(one, Refusal):
            refusals.append(one)
        elif one.ratio > LEAST_GAIN:
            explored.append(one)
        else:
            what = f"{kernel}: {describe(plan[0])}"
            refusals.append(
                Refusal(what=what, reason=f"predicted at {one.ratio:.3f}x once built, under {LEAST_GAIN:g}x")
            )
    return tuple(_simplest_first(explored)), tuple(dict.fromkeys(refusals))


def _simplest_first(explored: Sequence[Explored]) -> list[Explored]:
    """Fastest first; of those that the model cannot tell apart, the one that changes least."""
    best = max((one.ratio for one in explored), default=1.0)
    return sorted(
        explored,
        key=lambda one: (one.ratio * LEAST_GAIN < best, len(one.candidate.changes), -one.ratio),
    )


def healthy(stage: Stage, metrics: Mapping[str, float]) -> str:
    """Why the stage has nothing to mend: every metric it is judged by was measured and is where it should be."""
    judged = [each for each in stage.thresholds if each.value is not None and each.metric in metrics]
    if not judged or any((metrics[each.metric] >= _value(each)) != each.above for each in judged):
        return ""
    shown = ", ".join(
        f"{each.metric} {metrics[each.metric]:g} {each.unit} (target {_value(each):g})" for each in judged
    )
    return f"measured where it should be: {shown}"


def _value(threshold: Threshold) -> float:
    return 0.0 if threshold.value is None else threshold.value


def _within(stage: Stage, before: Schedule, plan: Plan) -> bool:
    """Whether a plan changes only what the stage owns, and tunes only one of its groups."""
    varied = [name for group in stage.tunable for name in group if len({getattr(each, name) for each in plan}) > 1]
    return not any(foreign_changes(stage, before, each, tuned=tuple(varied)) for each in plan)


def _rank(plans: Iterable[Plan], analysed: Analysed, session: Session) -> list[tuple[float, Plan]]:
    """Plans with the predicted time of their fastest entry, before anything is built."""
    lifted, known = analysed.lifted, {}
    timed = []
    for plan in plans:
        for schedule in plan:
            if schedule not in known:
                work = analysed.family.work(lifted, schedule, lifted.launch)
                known[schedule] = estimate(work, session.target).time_us
        timed.append((min(known[schedule] for schedule in plan), plan))
    return sorted(timed, key=lambda pair: pair[0])


def _varied(ranked: Sequence[tuple[float, Plan]], before: Schedule) -> list[tuple[float, Plan]]:
    """The first few plans. Of those with the same tiles, warps and stages only the one that changes least is built,
    unless another is predicted to beat it by LEAST_GAIN: a build costs seconds, and tells such plans apart no better.
    """
    kept: dict[object, tuple[float, Plan]] = {}
    for time_us, plan in ranked:
        key = tuple((one.block_m, one.block_n, one.block_k, one.num_warps, one.num_stages) for one in plan)
        held = kept.get(key)
        if held is None or (_distance(plan, before) < _distance(held[1], before) and time_us < held[0] * LEAST_GAIN):
            kept[key] = (time_us, plan)
    return sorted(kept.values(), key=lambda pair: pair[0])[:PLANS_BUILT]


def _distance(plan: Plan, before: Schedule) -> int:
    """How many Schedule fields the plan changes somewhere."""
    names = [each.name for each in fields(Schedule)]
    return sum(any(getattr(entry, name) != getattr(before, name) for entry in plan) for name in names)


def write_and_build(
    source: KernelSource, analysed: Analysed, plan: Plan, inputs: Capture, stage: Stage, session: Session
) -> Explored | Refusal:
    """Write a plan, build every entry for the target, drop those that fail, spill or race, and write what is left.

    An entry may spill where the input does, but no more than it.
    """
    kernel = analysed.lifted.launch.kernel
    what = f"{kernel}: {describe(plan[0])}" + (f" and {len(plan) - 1} more" if len(plan) > 1 else "")
    built = _emit_and_build(source, analysed, plan, inputs, stage, session)
    if isinstance(built, Refusal):
        return replace(built, what=what)
    text, found, entries = built
    baseline = analysed.analysis.build
    allowed_spill = baseline.spill_bytes if isinstance(baseline, Build) else 0
    sound = [
        (schedule, build, predicted)
        for schedule, build, predicted in entries
        if isinstance(build, Build)
        and build.spill_bytes <= allowed_spill
        and not build.overwrites_operands
        and predicted is not None
    ]
    if not sound:
        return Refusal(what=what, reason=_first_fault([build for _, build, _ in entries]))
    kept = tuple(schedule for schedule, _, _ in sound)
    if kept != tuple(plan):
        again = _emit_and_build(source, analysed, kept, inputs, stage, session)
        if isinstance(again, Refusal):
            return replace(again, what=what)
        text, found, _ = again
    best = min((predicted for _, _, predicted in sound), key=lambda one: one.time_us)
    before = analysed.analysis.estimate
    assert before is not None
    comparison = compare(before, best)
    candidate = Candidate(
        text=text,
        kernel=kernel,
        schedules=kept,
        changes=changes_of(analysed, kept, session.target),
    )
    return Explored(
        candidate=candidate,
        source=replace(source, text=text, first_line=1),
        capture=found,
        builds=tuple(build for _, build, _ in sound),
        estimate=best,
        estimates=tuple(predicted for _, _, predicted in sound),
        ratio=comparison.ratio,
    )


def _emit_and_build(
    source: KernelSource, analysed: Analysed, plan: Plan, inputs: Capture, stage: Stage, session: Session
) -> tuple[str, Capture, list[tuple[Schedule, Build | BuildFailure, Estimate | None]]] | Refusal:
    """The plan's file, what it launches, and the build and estimate of each entry."""
    kernel = analysed.lifted.launch.kernel
    text = analysed.family.emit(source, analysed.lifted, plan, docstring=kernel_docstring(analysed, plan))
    if isinstance(text, Refusal):
        return text
    written = replace(source, text=text, first_line=1)
    try:
        found = capture(
            written,
            target=session.target,
            worker=session.capture_worker,
            inputs=inputs.inputs,
            init_arguments=inputs.init_arguments,
        )
    except InputError as error:
        return Refusal(what=kernel, reason=f"the written file does not run: {error}")
    launches = [launch for launch in found.launches if launch.kernel == kernel]
    if len(launches) % len(plan):
        return Refusal(what=kernel, reason=f"the written file launches {len(launches)} times for {len(plan)} entries")
    builds = build_launches(launches[: len(plan)], session)
    entries = [
        (schedule, build, _estimate(analysed, schedule, launch, build, session))
        for schedule, launch, build in zip(plan, launches, builds, strict=False)
    ]
    return text, found, entries


def _estimate(
    analysed: Analysed, schedule: Schedule, launch: Launch, build: Build | BuildFailure, session: Session
) -> Estimate | None:
    if not isinstance(build, Build):
        return None
    # The values of M, N, K stand in the original launch; the written kernel may not take all of them any more.
    work = analysed.family.work(analysed.lifted, schedule, analysed.lifted.launch)
    return estimate(work, session.target, build)


def _not_worth_it(analysed: Analysed, before: Estimate, plans: int, best: str, ratio: float) -> str:
    """Why the input stays although something could be varied."""
    algorithm = analysed.lifted.algorithm
    known = f"predicted at {before.time_us:,.0f} us, bound by {before.binds}"
    if isinstance(algorithm, Opaque):
        why = "; ".join(algorithm.reasons) or "no family reads it"
        known = f"not lifted ({why}), so only its traffic is known: {before.time_us:,.0f} us at least (predicted)"
    choice = "the one other plan" if plans == 1 else f"the best of {plans} plans"
    return f"{known}; {choice} ({best}) at {ratio:.3f}x, under the {LEAST_GAIN:g}x from which a change is worth it"


def _first_fault(builds: Sequence[Build | BuildFailure]) -> str:
    for build in builds:
        if isinstance(build, BuildFailure):
            return build.message
    if any(isinstance(build, Build) and build.overwrites_operands for build in builds):
        return OVERWRITES
    spills = [build.spill_bytes for build in builds if isinstance(build, Build)]
    return f"every entry spills ({min(spills)} bytes a thread at least)"


def _failure_text(build: Build | BuildFailure) -> str:
    return build.message if isinstance(build, BuildFailure) else "nothing was built"


def _nothing_to_vary(analysed: Analysed, stage: Stage) -> str:
    algorithm = analysed.lifted.algorithm
    if isinstance(algorithm, Opaque) and algorithm.reasons:
        return (
            f"not lifted ({'; '.join(algorithm.reasons)}), and its launch leaves nothing that {stage.name} may change"
        )
    return f"no legal schedule differs in what {stage.name} owns ({', '.join(stage.fields)})"
