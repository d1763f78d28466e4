"""After the stages: all fields together, since each stage alone gets stuck where only two moves at once help."""

from __future__ import annotations

from collections.abc import Sequence

from tilewright.records.schedule import Schedule
from tilewright.records.trial import StageOutcome
from tilewright.search.accept import DTYPES
from tilewright.search.joint import STAGE, ranked_jointly
from tilewright.search.measured import words
from tilewright.search.measured.propose import Estimator, choose
from tilewright.search.measured.state import State
from tilewright.search.measured.trying import RANKED, Tally, accept_best, look
from tilewright.stages import open_fields

NAME = STAGE.name
_CENTRES = 3
_GAIN = 1.01
"""What a round has to bring for another to be worth its time."""
_MOVES = (
    ("block_m", "block_n", "block_k", "num_warps", "num_stages"),
    (
        *("a_layout", "b_layout", "descriptors", "operand_dtype"),
        *("block_m", "block_n", "block_k", "num_warps", "num_stages"),
    ),
    ("program_order", "group_m", "split_k", "persistent", "num_warps"),
    ("pointers", "masks", "num_stages"),
)
"""Fields that are moved at once: those that share registers and shared memory, these with the layouts that decide how
much of both a tile takes, the grid and what fills it, the loop."""


def run_polish(state: State) -> StageOutcome:
    """Search round the fastest schedules seen so far, and take what is proved and faster."""
    began_s, tally, outcome = state.clock.elapsed_s, Tally(), "skipped"
    reasons = []
    for kernel in state.composer.kernels:
        found, reason = _on_kernel(state, kernel, tally)
        outcome = min(outcome, found, key=RANKED.index)
        reasons.append(reason if len(state.composer.kernels) == 1 else f"{kernel}: {reason}")
    return StageOutcome(
        stage=NAME,
        outcome=outcome,
        reason="; ".join(reasons),
        considered=tally.considered,
        built=tally.built,
        timed=tally.timed,
        proved=tally.proved,
        comparison=tally.comparison,
        elapsed_s=state.clock.elapsed_s - began_s,
    )


def _on_kernel(state: State, kernel: str, tally: Tally) -> tuple[str, str]:
    one = state.composer.kernels[kernel]
    estimator = Estimator(one, state.session.target)
    outcome, best, rounds, ran = "kept", None, 0, 0
    said = len(tally.said)
    ahead = _ahead(state, kernel, estimator)
    for _ in range(state.options.polish_rounds):
        if state.clock.is_over:
            break
        before_us = state.best_us
        chosen, considered = _chosen(state, kernel, estimator, ahead)
        tally.considered += considered
        if not chosen:
            break
        rounds += 1
        looked = look(state, kernel, chosen, tally, stage=NAME)
        ahead = [] if looked else [schedule for schedule in ahead if schedule not in chosen]
        if ahead:
            continue  # not one could be built and run: the next best may be
        ran += len(looked)
        best = max([best, *(screening.ratio for _, screening in looked)], key=lambda one: one.value if one else 0.0)
        # taken round by round: a run that is cut short keeps what it has found
        found = accept_best(state, looked, tally, stage=NAME, dtypes=DTYPES)
        outcome = min(outcome, found, key=RANKED.index)
        if found != "accepted" or before_us / state.best_us < _GAIN:
            break
    if not rounds:
        return "skipped", "the run's time is over" if state.clock.is_over else "no schedule is left to look at"
    if len(tally.said) > said:
        return outcome, "; ".join(tally.said[said:])
    return outcome, words.none_faster(ran, best, rounds=rounds)


def _ahead(state: State, kernel: str, estimator: Estimator) -> list[Schedule]:
    """Unseen schedules that are predicted fastest over all fields, however far they are from those that were timed.

    Neighbours alone would have to walk there, through schedules that are slower than both ends.
    """
    if state.clock.is_over:
        return []
    seen = {*_seen(state, kernel), state.schedule_of(kernel)}
    allowed = open_fields(STAGE.fields, state.options.precision)
    one, target = state.composer.kernels[kernel], state.session.target
    return [found for found in ranked_jointly(one, target, estimator.estimate, allowed) if found not in seen]


def _chosen(state: State, kernel: str, estimator: Estimator, ahead: Sequence[Schedule]) -> tuple[list[Schedule], int]:
    """What a round builds, and out of how many: the next of ``ahead``, and neighbours of the fastest."""
    most = max(1, state.options.built // 2)
    # with nothing timed yet, all that is known near the input is that it is slow
    first = list(ahead[: most if len(_centres(state, kernel)) == 1 else -(-most // 2)])
    offered = {} if len(first) == most else _offered(state, kernel, estimator)
    near = [schedule for schedule in offered if schedule not in first]
    present = state.schedule_of(kernel)
    chosen = choose(near, present, estimator, most=most - len(first), corrections=offered) if near else ()
    return [*first, *chosen], len(near) + len(first)


def _seen(state: State, kernel: str) -> set[Schedule]:
    return {attempt.schedule for attempt in state.attempts.values() if attempt.kernel == kernel}


def _centres(state: State, kernel: str) -> list[tuple[Schedule, float]]:
    """The fastest schedules so far with their measured times, the present one first."""
    timed = []
    for sha256, attempt in state.attempts.items():
        screening = state.trials[sha256].screening
        if attempt.kernel == kernel and screening is not None and screening.time_us is not None:
            timed.append((attempt.schedule, screening.time_us.value))
    timed.sort(key=lambda pair: pair[1])
    present = (state.schedule_of(kernel), state.best_us)
    return [present, *(pair for pair in timed if pair[0] != present[0])][:_CENTRES]


def _offered(state: State, kernel: str, estimator: Estimator) -> dict[Schedule, float]:
    """Unseen schedules near a centre, each with what its centre's prediction was off by."""
    one, target = state.composer.kernels[kernel], state.session.target
    seen = _seen(state, kernel)
    offered: dict[Schedule, float] = {}
    for centre, measured_us in _centres(state, kernel):
        off = measured_us / estimator.time_us(centre)
        for fields in _MOVES:
            allowed = open_fields(fields, state.options.precision)
            for schedule in one.family.variants(one.lifted, centre, target, allowed):
                if schedule not in seen:
                    offered.setdefault(schedule, off)
    return offered
