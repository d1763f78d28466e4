"""One stage on a GPU: profile, decide whether to enter, and try what the stage may change."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from tilewright.records.profile import Diagnosis
from tilewright.records.stage import Stage
from tilewright.records.trial import StageOutcome
from tilewright.search.analyse import Analysed, analyse
from tilewright.search.explore import healthy
from tilewright.search.measured import propose, words
from tilewright.search.measured.state import State
from tilewright.search.measured.trying import RANKED, Tally, accept_best, look

HOPELESS = 1.25
"""A schedule predicted this much slower than the present one is not built: the predicted ratio of two schedules is off
by less than this nine times of ten (benchmarks/README.md)."""
_TIME = "gpu__time_duration.sum"
_LEAST_SHARE = 0.05
"""Part of the call's time below which a kernel is left alone."""


def run_stage(state: State, stage: Stage, *, alone: bool) -> StageOutcome:
    """Run one stage over the kernels of the present file, the slowest first.

    Args:
        state: the run; a change that is accepted becomes its file.
        stage: which one.
        alone: no other stage runs.
    """
    began_s = state.clock.elapsed_s
    state.say(stage.name, "profiling")
    profile = state.profile(state.text)
    metrics = {} if profile is None else profile.metrics
    state.say(stage.name, "diagnosing")
    analysed = _slowest_first(analyse(state.capture, state.session, metrics=metrics, stage=stage), metrics)
    tally, reasons, outcomes = Tally(), list[str](), list[str]()
    for kernel in dict.fromkeys(one.lifted.launch.kernel for one in analysed):
        outcome, reason = _on_kernel(state, stage, kernel, metrics.get(kernel, {}), tally, alone=alone)
        outcomes.append(outcome)
        reasons.append(reason if len(state.composer.kernels) == 1 else f"{kernel}: {reason}")
    return StageOutcome(
        stage=stage.name,
        outcome=min(outcomes, key=RANKED.index, default="skipped"),
        reason="; ".join(reasons) or "the call launches no kernel",
        considered=tally.considered,
        built=tally.built,
        timed=tally.timed,
        proved=tally.proved,
        comparison=tally.comparison,
        profile=profile,
        diagnoses=_diagnoses(analysed),
        elapsed_s=state.clock.elapsed_s - began_s,
    )


def _on_kernel(
    state: State, stage: Stage, kernel: str, metrics: Mapping[str, float], tally: Tally, *, alone: bool
) -> tuple[str, str]:
    """What became of one kernel in the stage, and why."""
    if kernel not in state.composer.kernels:
        return "skipped", "the input does not launch it"
    if state.clock.is_over:
        return "skipped", "the run's time is over"
    fine = healthy(stage, metrics)
    if fine:
        return "skipped", fine
    one, target = state.composer.kernels[kernel], state.session.target
    base, estimator = state.schedule_of(kernel), propose.Estimator(one, target)
    offered = propose.for_stage(
        one,
        base,
        stage,
        target,
        estimator,
        most=state.options.built,
        alone=alone,
        seen={attempt.schedule for attempt in state.attempts.values() if attempt.kernel == kernel},
    )
    tally.considered += offered.considered
    if not offered.considered:
        return "skipped", f"no legal schedule differs in what the stage owns ({', '.join(stage.fields)})"
    limit_us = HOPELESS * estimator.time_us(base)
    chosen = [schedule for schedule in offered.chosen if estimator.time_us(schedule) <= limit_us]
    if not chosen:
        best_us = min(estimator.time_us(schedule) for schedule in offered.chosen) if offered.chosen else float("inf")
        slower = best_us / estimator.time_us(base)
        return "skipped", f"the best of {offered.considered} schedules is predicted {slower:.2f} times as slow"
    said = len(tally.said)
    ran = look(state, kernel, chosen, tally, stage=stage.name)
    outcome = accept_best(state, ran, tally, stage=stage.name)
    if len(tally.said) > said:
        return outcome, "; ".join(tally.said[said:])
    return outcome, words.none_faster(len(ran), ran[0][1].ratio if ran else None)


def _slowest_first(analysed: Sequence[Analysed], metrics: Mapping[str, Mapping[str, float]]) -> list[Analysed]:
    """By measured time where every kernel has one, else by predicted time; without those that hardly count."""
    times = {one.lifted.launch.kernel: metrics.get(one.lifted.launch.kernel, {}).get(_TIME, 0.0) for one in analysed}
    if not all(times.values()):
        times = {}
        for one in analysed:
            predicted = one.analysis.estimate.time_us if one.analysis.estimate else 0.0
            kernel = one.lifted.launch.kernel
            times[kernel] = times.get(kernel, 0.0) + predicted
    whole = sum(times.values())
    kept = [one for one in analysed if times[one.lifted.launch.kernel] >= _LEAST_SHARE * whole]
    return sorted(kept, key=lambda one: -times[one.lifted.launch.kernel])


def _diagnoses(analysed: Sequence[Analysed]) -> tuple[Diagnosis, ...]:
    return tuple(one.analysis.diagnosis for one in analysed if one.analysis.diagnosis is not None)
