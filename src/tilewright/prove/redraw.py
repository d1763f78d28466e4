"""A second look at what failed by how far it is off, where that may be chance: parent side.

``no-worse`` says that on no distribution a candidate's error may exceed the original's. A proof draws each distribution
once, and the budget's sampling terms count on errors that are many. Where they are few (a problem whose rows are one
row expanded, an operand that hardly varies, some ten elements), an honest candidate fails by chance.

So if *all* that failed so far is an error that was measured (Frobenius, largest, slice, local) in ordinary first calls
on drawn values that were sent, with an original that ran in the same dtype, and none is more than :data:`FARTHEST`
times its bound, each of these calls is drawn :data:`DRAWS` times more: for the oracle, the original and the candidate,
from the proof's seed, each on a fresh model. All draws together are judged by :mod:`tilewright.prove.draws`, in every
measure of its outputs; what else fails in them (NaN, unwritten elements, a crash) refutes as ever.
Other calls (after many calls, further autotune configurations) are forgiven where they gave the very error of an
ordinary one that holds; otherwise they refute.

The calls with the fewest elements come first, as they cost least, and the first that does not hold ends it. What came
of a second look stands in the Check that failed at first, with the figures of the one draw in its detail.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

from tilewright.prove import inputs, trials
from tilewright.prove.baseline import BaselineBuilder
from tilewright.prove.baselines import Baselines
from tilewright.prove.compare import Baseline, Judged
from tilewright.prove.draws import Draw, Pooled, pooled
from tilewright.prove.fleet import Fleet
from tilewright.prove.plan import Planned, size_of
from tilewright.prove.results import Result
from tilewright.workers import Worker

DRAWS = 8
"""Further draws of a call that failed."""
FARTHEST = 16.0
"""Times its bound that an error may be to be looked at again: chance reaches that, with one degree of freedom, in three
of a hundred draws."""
_FEWEST = 4
"""Further draws of which an original must be right for them to say something."""
_SHORTEST_S = 1.0
_SAME = (trials.LATER, trials.CONFIGURED)
Judgements = list[tuple[Planned, Judged]]


class Redraws:
    """Oracle and original on further draws, made when first wanted and kept for all candidates."""

    def __init__(self, builder: BaselineBuilder) -> None:
        self._builder = builder
        self._known: dict[str, Baselines] = {}
        self._lock = threading.Lock()

    def of(self, planned: Planned, met: Sequence[Worker], timeout_s: float) -> Baselines:
        """The draws of one call.

        Args:
            planned: the call.
            met: workers that candidates run in; if the oracle's or the original's is one of them, it starts anew.
            timeout_s: for all runs of one file.
        """
        with self._lock:
            found = self._known.get(planned.name)
            if found is None:
                for worker in {
                    id(host.worker): host.worker for host in (self._builder.host, self._builder.oracle)
                }.values():
                    if any(worker is each for each in met):
                        worker.restart()
                found = self._builder.again(planned, DRAWS, timeout_s=timeout_s)
                if not (found.timed_out or found.lost):
                    self._known[planned.name] = found
            return found


@dataclass(slots=True, kw_only=True)
class SecondLook:
    """At one candidate."""

    redraws: Redraws
    fleet: Fleet
    trial: trials.Trials
    workers: Sequence[Worker]
    """That the candidate runs in."""
    precision: str
    ends_at: float
    """On the monotonic clock, in seconds."""
    _held: dict[tuple[str, str], tuple[float, Pooled]] = field(default_factory=dict)
    """What held by call and check, with the error of the one draw."""

    def take(self, judged: Judgements, notes: list[str]) -> str:
        """Look again at what failed, if all of it may be chance; puts what came of it in ``judged``.

        Returns:
            Why it came to no end, or an empty string.
        """
        failed = [(planned, item) for planned, item in judged if not item.check.passed]
        if not failed or not self._may_be_chance(failed):
            return ""
        calls = {planned.name: planned for planned, item in failed if item.role == trials.ORDINARY}
        for planned in sorted(calls.values(), key=lambda each: size_of(each.problem)):
            why, found, drawn = self._again(planned, notes)
            judged += found
            if why or found or not self._settle(planned, drawn, judged):
                return why
        for index, (planned, item) in enumerate(judged):
            held = self._held.get((planned.name, item.check.name))
            if not item.check.passed and held is not None and held[0] == item.check.error:
                judged[index] = planned, _over(item, held[1])
        judged += self.trial.forgive(notes)
        return ""

    def _may_be_chance(self, failed: Judgements) -> bool:
        if self.precision != "no-worse":
            return False
        errors = {
            (planned.name, item.check.name): item.check.error for planned, item in failed if _drawn(planned, item)
        }
        errors |= {key: error for key, (error, _) in self._held.items()}
        return all(
            _drawn(planned, item)
            or (item.role in _SAME and errors.get((planned.name, item.check.name)) == item.check.error)
            for planned, item in failed
        )

    def _again(self, planned: Planned, notes: list[str]) -> tuple[str, Judgements, Sequence[Baseline]]:
        """Make the calls: why that came to no end, what failed in them other than by a measure, what they were."""
        left_s, words = self.ends_at - time.monotonic(), f"a second look ({planned.words()})"
        if left_s < _SHORTEST_S:
            return f"no time was left for {words}", [], ()
        drawn = self.redraws.of(planned, self.workers, left_s)
        if drawn.timed_out or drawn.lost:
            what = f"ran out of memory: {drawn.lost}" if drawn.lost else "did not end in time"
            return f"the original or the oracle {what} in {words}", [], ()
        cases = self.trial.again(drawn.usable)
        results = self.fleet.run(cases) if cases else {}
        ended = [(name, result) for name, result in results.items() if result.kind != "not_run"]
        failed = [
            (each, item) for each, item in self.trial.judge(ended, notes) if not item.check.passed and not item.measure
        ]
        late = next((result for result in results.values() if result.kind in trials.LATE), None)
        if late is not None and not failed:
            what = f"ran out of memory: {late.error}" if late.kind == "out_of_memory" else "did not end in time"
            return f"the candidate {what} in {words}", [], ()
        return "", failed, drawn.usable

    def _settle(self, planned: Planned, drawn: Sequence[Baseline], judged: Judgements) -> bool:
        """Put what all draws say of one call in place of what the first one said; whether all of it holds."""
        if len(drawn) < _FEWEST:
            return False
        pairs = [self.trial.first(planned), *(self.trial.first(base.planned) for base in drawn)]
        holds = True
        known: dict[str, dict[str, Pooled]] = {}
        for index, (each, item) in enumerate(judged):
            if each.name != planned.name or item.role != trials.ORDINARY or not item.measure:
                continue
            if item.output not in pairs[0][0].oracle.outputs:
                continue
            if item.output not in known:
                known[item.output] = _measures(pairs, item.output)
            over = known[item.output].get(item.measure)
            if over is None:
                continue
            if over.passed:
                self._held[each.name, item.check.name] = (item.check.error, over)
            if not (over.passed and item.check.passed):
                judged[index] = each, _over(item, over)
                holds = holds and over.passed
        return holds and all(
            item.check.passed for each, item in judged if each.name == planned.name and _drawn(each, item)
        )


def _drawn(planned: Planned, item: Judged) -> bool:
    """Whether a check is a measure of one draw that is not too far from its bound, and can be drawn again."""
    check = item.check
    return (
        bool(item.measure)
        and item.role == trials.ORDINARY
        and not (planned.second or planned.generated or planned.distribution == inputs.REFERENCE)
        and not item.output.endswith("afterwards")
        and check.original_error is not None
        and check.error <= FARTHEST * check.bound
    )


def _measures(pairs: Sequence[tuple[Baseline, Result]], output: str) -> dict[str, Pooled]:
    drawn = []
    for base, result in pairs:
        leaf = result.outputs[output]
        known, original = (
            base.known[output, leaf.dtype],
            None if base.original is None else base.original.outputs[output],
        )
        truth = base.oracle.outputs[output].values
        assert leaf.values is not None
        assert truth is not None
        assert original is not None
        assert original.values is not None
        drawn.append(
            Draw(candidate=leaf.values, oracle=truth, original=original.values, moved=known.moved, keep=known.keep)
        )
    planned = pairs[0][0].planned
    return pooled(
        drawn,
        dtype=pairs[0][1].outputs[output].dtype,
        longest=planned.longest,
        repeated=planned.distribution in inputs.REPEATED,
        moved_by=inputs.PERTURBATION,
    )


def _over(item: Judged, over: Pooled) -> Judged:
    """What all draws say, with what one said in its detail."""
    check = item.check
    one = f"one draw: {check.error:.3g}, allowed {check.bound:.3g}, original {check.original_error:.3g}"
    detail = "; ".join(filter(None, (f"root mean square over {over.draws} draws ({one})", check.detail)))
    changed = replace(
        check,
        error=over.error,
        bound=over.bound,
        original_error=over.original_error,
        passed=over.passed,
        detail=detail,
    )
    return replace(item, role=trials.AGAIN, check=changed, vacuous=item.vacuous or over.bound >= 1.0)
