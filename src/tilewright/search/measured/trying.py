"""Try schedules of one kernel: write, build, screen; then prove the fastest, and time it against what is there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from tilewright.records.schedule import Schedule
from tilewright.records.timing import Comparison, Decision, Screening
from tilewright.records.trial import Refusal
from tilewright.search.changes import describe
from tilewright.search.measured import words
from tilewright.search.measured.attempt import Attempt, write_all
from tilewright.search.measured.state import State, is_proved
from tilewright.search.measured.workbench import Untimed

SCREENING_S, COMPARISON_S = 60.0, 15.0
"""Seconds that one look at all candidates, and one comparison, may take at most."""
LEAST_SCREENING_S = 15.0
"""Once candidates are built, to look at them costs less than to have built them for nothing."""

RANKED = ("accepted", "reverted", "kept", "skipped")
"""Outcomes, the one that says most first."""


@dataclass
class Tally:
    """What came of trying, for the outcome of a stage."""

    considered: int = 0
    built: int = 0
    timed: int = 0
    proved: int = 0
    comparison: Comparison | None = None
    best: Screening | None = None
    """The fastest that was looked at, whatever became of it."""
    said: list[str] = field(default_factory=list)


def look(
    state: State, kernel: str, schedules: Sequence[Schedule], tally: Tally, *, stage: str
) -> list[tuple[Attempt, Screening]]:
    """Write, build and screen; those that ran, fastest first."""
    state.say(stage, f"writing and building {len(schedules)} candidates for {kernel}")
    attempts, refusals = write_all(state.composer, state.plans, kernel, schedules, state.session)
    state.refusals += refusals
    fresh = state.enter(attempts, stage=stage)
    tally.built += len(fresh)
    state.say(stage, f"{len(fresh)} candidates built")
    limit_s = max(LEAST_SCREENING_S, min(SCREENING_S, state.clock.left_s))
    looked = state.screen(fresh, stage=stage, limit_s=limit_s)
    ran = []
    for attempt, screening in looked:
        if screening.time_us is None or screening.ratio is None:
            what = f"{kernel}: {describe(attempt.schedule)}"
            state.refusals.append(Refusal(what=what, reason=f"did not run: {screening.error}"))
        else:
            ran.append((attempt, screening))
    tally.timed += len(ran)
    ran.sort(key=lambda pair: -_ratio(pair[1]))
    if ran and (tally.best is None or _ratio(ran[0][1]) > _ratio(tally.best)):
        tally.best = ran[0][1]
    return ran


def accept_best(
    state: State,
    ran: Sequence[tuple[Attempt, Screening]],
    tally: Tally,
    *,
    stage: str,
    dtypes: Sequence[str] = (),
) -> str:
    """Prove and time the promising ones, fastest first, and take the first that is faster beyond the noise floor.

    Args:
        state: the run.
        ran: what was looked at, fastest first.
        tally: counts what is done.
        stage: which one.
        dtypes: to prove in beside the input's own, where the file may well be the run's last.

    Returns:
        ``accepted``, ``reverted`` (proved, and not faster) or ``kept``.
    """
    promising = [attempt for attempt, screening in ran if screening.ratio is not None and screening.ratio.low > 1.0]
    outcome = "kept"
    for number, attempt in enumerate(_worth_proving(promising, state.options.proofs)):
        # a first proof in every dtype is what the time after the search is kept for
        if state.clock.is_over and not (dtypes and number == 0):
            tally.said.append("the run's time is over")
            break
        what = describe(attempt.schedule)
        state.say(stage, f"proving {what}")
        found = state.prove(attempt.text, dtypes=dtypes)
        if not is_proved(found):
            reason = f"{found.verdict.status}: {found.verdict.reason}"
            state.refusals.append(Refusal(what=f"{attempt.kernel}: {what}", reason=reason))
            tally.said.append(f"{what} was {reason}")
            continue
        tally.proved += 1
        state.say(stage, f"timing {what} against the best so far")
        timed = state.compare(state.text, attempt.text, limit_s=COMPARISON_S)
        if isinstance(timed, Untimed):
            state.refusals.append(Refusal(what=f"{attempt.kernel}: {what}", reason=timed.reason))
            tally.said.append(f"{what} could not be timed: {timed.reason}")
            continue
        tally.comparison = timed
        if timed.decision is Decision.FASTER:
            state.take(attempt, timed)
            tally.said.append(f"{what}: {words.comparison(timed)}")
            return "accepted"
        state.update(attempt.sha256, comparison=timed)
        tally.said.append(f"{what} was proved, and is {words.comparison(timed)}")
        outcome = "reverted"
        break
    return outcome


def _worth_proving(promising: Sequence[Attempt], most: int) -> list[Attempt]:
    """The fastest, and the fastest in other arithmetic: a refusal of one says nothing of the other."""
    chosen = list(promising[:most])
    others = [one for one in promising[most:] if one.schedule.operand_dtype != promising[0].schedule.operand_dtype]
    if all(one.schedule.operand_dtype == promising[0].schedule.operand_dtype for one in chosen):
        chosen += others[:1]
    return chosen


def _ratio(screening: Screening) -> float:
    return 0.0 if screening.ratio is None else screening.ratio.value
