"""The winner as an autotune list of the finalists, for those who will run the file on other shapes or GPUs too."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tilewright.records.schedule import Schedule
from tilewright.records.trial import Refusal, Trial
from tilewright.search.changes import changes_of
from tilewright.search.measured.attempt import hash_of
from tilewright.search.measured.state import State, is_proved

_GROUPS = (("block_m", "block_n", "block_k"), ("num_warps", "num_stages"))
_MOST = 4


def as_list(state: State, *, dtypes: Sequence[str]) -> None:
    """Write the last accepted kernel with a list of the fastest schedules, and take that file if it is proved.

    The entries differ from the winner in block sizes only, or in warps and stages only, as the stages' rules demand;
    of the two lists the one whose second entry was measured faster. What follows holds the list's file against the
    input again, as any other.
    """
    last = state.taken[-1]
    kernel = last.kernel
    plan = _finalists(state, kernel)
    what = f"{kernel}: the finalists as a list"
    if len(plan) < 2:
        state.refusals.append(Refusal(what=what, reason="no other timed schedule differs in one tunable group alone"))
        return
    plans = {**state.plans, kernel: plan}
    text = state.composer.text(plans)
    if isinstance(text, Refusal):
        state.refusals.append(replace(text, what=what))
        return
    found = state.composer.capture(text)
    if isinstance(found, Refusal):
        state.refusals.append(replace(found, what=what))
        return
    state.say("", "proving the list of finalists")
    verification = state.prove(text, dtypes=dtypes)
    if not is_proved(verification):
        state.refusals.append(Refusal(what=what, reason=verification.verdict.reason))
        return
    analysed = state.composer.kernels[kernel]
    candidate = replace(
        last.trial.candidate, text=text, schedules=plan, changes=changes_of(analysed, plan, state.session.target)
    )
    known = [one for one in (_trial_of(state, kernel, schedule) for schedule in plan) if one is not None]
    trial = replace(
        last.trial,
        candidate=candidate,
        builds=tuple(build for one in known for build in one.builds),
        entry_estimates=tuple(each for one in known for each in one.entry_estimates),
        verdict=verification.verdict,
    )
    state.trials[hash_of(text)] = trial
    state.session.log.candidate(text, kernel=kernel, stage=trial.stage, schedules=plan)
    state.put(replace(last, text=text, capture=found, plans=plans, trial=trial))


def _finalists(state: State, kernel: str) -> tuple[Schedule, ...]:
    winner = state.schedule_of(kernel)
    lists = []
    # the block of a descriptor is made in the wrapper, before a tuner chooses
    for group in _GROUPS[1:] if winner.descriptors else _GROUPS:
        timed: list[tuple[float, Schedule]] = []
        for sha256, attempt in state.attempts.items():
            screening = state.trials[sha256].screening
            if attempt.kernel != kernel or screening is None or screening.time_us is None:
                continue
            same = {name: getattr(winner, name) for name in group}
            if attempt.schedule != winner and replace(attempt.schedule, **same) == winner:
                timed.append((screening.time_us.value, attempt.schedule))
        timed.sort(key=lambda pair: pair[0])
        if timed:
            lists.append((timed[0][0], (winner, *(schedule for _, schedule in timed[: _MOST - 1]))))
    return min(lists, key=lambda pair: pair[0])[1] if lists else (winner,)


def _trial_of(state: State, kernel: str, schedule: Schedule) -> Trial | None:
    for sha256, attempt in state.attempts.items():
        if attempt.kernel == kernel and attempt.schedule == schedule:
            return state.trials[sha256]
    return None
