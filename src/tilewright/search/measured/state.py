"""What a measured run has reached, and what it remembers of each candidate."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TypeVar

from tilewright.families import Plan
from tilewright.records.launch import Capture
from tilewright.records.profile import Profile
from tilewright.records.progress import Progress
from tilewright.records.schedule import Schedule
from tilewright.records.stage import Stage
from tilewright.records.timing import Comparison, Screening
from tilewright.records.trial import Refusal, StageOutcome, Trial
from tilewright.records.verdict import Status
from tilewright.records.verification import Verification
from tilewright.search.measured.attempt import Attempt, hash_of
from tilewright.search.measured.clock import Clock
from tilewright.search.measured.compose import Composer
from tilewright.search.measured.options import Options
from tilewright.search.measured.workbench import Untimed, Workbench
from tilewright.search.session import Session

_Found = TypeVar("_Found")


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """A file that was proved, and measured to be faster than the one before it."""

    text: str
    capture: Capture
    plans: Mapping[str, Plan]
    kernel: str
    """The kernel that changed last."""
    trial: Trial
    time_us: float


@dataclass
class State:
    """One run. A file is the input with one Schedule for each rewritten kernel: ``plans``."""

    composer: Composer
    session: Session
    bench: Workbench
    options: Options
    clock: Clock
    capture: Capture
    """Of ``text``."""
    text: str
    """The fastest proved file so far; at first the input."""
    stages: Sequence[Stage]
    """Of the run: their metrics are read of every file."""
    on_taken: Callable[[], None] = lambda: None
    """Called when ``text`` has changed: whatever ends the run now, that file is there."""
    input_us: float = 0.0
    best_us: float = 0.0
    plans: dict[str, Plan] = field(default_factory=dict)
    trials: dict[str, Trial] = field(default_factory=dict)
    """By the hash of their text, in the order in which they came up."""
    attempts: dict[str, Attempt] = field(default_factory=dict)
    profiles: dict[str, Profile | None] = field(default_factory=dict)
    verifications: dict[str, Verification] = field(default_factory=dict)
    taken: list[Taken] = field(default_factory=list)
    """Every accepted file, in order: the input with one change more each."""
    outcomes: list[StageOutcome] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)

    @property
    def input_text(self) -> str:
        """The input."""
        return self.composer.source.text

    def schedule_of(self, kernel: str) -> Schedule:
        """How ``text`` runs a kernel."""
        return self.plans[kernel][0] if kernel in self.plans else self.composer.schedule_of(kernel)

    def say(self, stage: str, step: str) -> None:
        """Tell whoever watches."""
        self.session.show(
            Progress(
                step=step,
                stage=stage,
                built=len(self.attempts),
                timed=sum(trial.screening is not None for trial in self.trials.values()),
                proved=sum(one.proved for one in self.verifications.values()),
                best_us=self.best_us or None,
                best_ratio=self.input_us / self.best_us if self.best_us else None,
                provenance="measured",
                elapsed_s=self.clock.elapsed_s,
                left_s=max(0.0, self.clock.left_s),
            )
        )

    def update(self, sha256: str, **known: object) -> Trial:
        """Put what was found out about a candidate into its trial."""
        trial = replace(self.trials[sha256], at_s=self.clock.elapsed_s, **known)  # type: ignore[arg-type]
        self.trials[sha256] = trial
        return trial

    def enter(self, attempts: Sequence[Attempt], *, stage: str) -> list[Attempt]:
        """Take up written candidates as trials, and return those that are new."""
        fresh = []
        for one in attempts:
            if one.sha256 in self.trials:
                continue
            fresh.append(one)
            self.attempts[one.sha256] = one
            analysed = self.composer.kernels[one.kernel]
            self.trials[one.sha256] = one.trial(analysed, self.session, stage=stage)
            self.session.log.candidate(one.text, kernel=one.kernel, stage=stage, schedules=(one.schedule,))
            self.session.log.build(one.sha256, one.build)
        return fresh

    def screen(self, attempts: Sequence[Attempt], *, stage: str, limit_s: float) -> list[tuple[Attempt, Screening]]:
        """Look at every candidate's time beside the present file's; those that were looked at before are not again."""
        log, baseline = self.session.log, hash_of(self.text)
        keys = {one.sha256: f"{baseline} {one.sha256}" for one in attempts}
        known = {sha256: log.recall(Screening, key) for sha256, key in keys.items()}
        missing = [one for one in attempts if known[one.sha256] is None]
        if missing:
            self.say(stage, f"timing {len(missing)} candidates")
            for one in self.bench.screen(self.text, [each.text for each in missing], limit_s=limit_s):
                known[one.sha256] = log.remember(Screening, keys[one.sha256], _given(one), candidate=one.sha256)
        found = []
        for attempt in attempts:
            screening = known[attempt.sha256]
            if screening is not None:
                self.update(attempt.sha256, screening=screening)
                found.append((attempt, screening))
        return found

    def prove(self, text: str, *, dtypes: Sequence[str] = ()) -> Verification:
        """Prove a file against the input, in its own dtype and in ``dtypes``, or find that this was done."""
        sha256 = hash_of(text)
        key = f"{hash_of(self.input_text)} {sha256} {self.options.precision} {' '.join(dtypes)}".strip()
        found = self.session.log.remember(
            Verification, key, lambda: self.bench.prove(text, dtypes=dtypes), candidate=sha256
        )
        self.verifications[sha256] = found
        if sha256 in self.trials:
            self.update(sha256, verdict=found.verdict)
        return found

    def verification_of(self, text: str) -> Verification | None:
        """The last proof of a file, the one in the most dtypes; ``None`` where it came to none."""
        return self.verifications.get(hash_of(text))

    def compare(self, baseline: str, candidate: str, *, limit_s: float, confirm: bool = False) -> Comparison | Untimed:
        """Time two files against each other, or find that this was done; what could not be timed is tried again."""
        log = self.session.log
        key = f"{'confirmation' if confirm else 'comparison'} {hash_of(baseline)} {hash_of(candidate)}"
        known = log.recall(Comparison, key)
        if known is not None:
            return known
        timed = (self.bench.confirm if confirm else self.bench.compare)(baseline, candidate, limit_s=limit_s)
        if isinstance(timed, Untimed):
            return timed
        return log.remember(Comparison, key, _given(timed), candidate=hash_of(candidate))

    def profile(self, text: str) -> Profile | None:
        """The metrics of the input or of a proved file; each is profiled once."""
        key = hash_of(text)
        known = self.session.log.recall(Profile, key)
        if known is not None:
            self.profiles[key] = known
        if key not in self.profiles:
            found = self.bench.profile(self.composer.read(text), self.stages)
            self.profiles[key] = None if found is None else self.session.log.remember(Profile, key, _given(found))
        return self.profiles[key]

    def take(self, attempt: Attempt, comparison: Comparison) -> None:
        """Make a proved and faster candidate the file that everything after it is held against."""
        trial = self.update(attempt.sha256, comparison=comparison)
        self.put(
            Taken(
                text=attempt.text,
                capture=attempt.capture,
                plans={**self.plans, attempt.kernel: (attempt.schedule,)},
                kernel=attempt.kernel,
                trial=trial,
                time_us=comparison.candidate.cold_us.value,
            )
        )

    def put(self, taken: Taken) -> None:
        """Go on from a file that was proved and is faster than the one before it."""
        self.taken.append(taken)
        self._stand_on(taken)
        self.on_taken()

    def drop_last(self) -> None:
        """Go back to the file before the last accepted one."""
        self.taken.pop()
        if self.taken:
            self._stand_on(self.taken[-1])

    def _stand_on(self, taken: Taken) -> None:
        self.plans, self.text, self.capture = dict(taken.plans), taken.text, taken.capture
        self.best_us = taken.time_us


def is_proved(one: Verification) -> bool:
    """Whether a file may take the input's place."""
    return one.verdict.status is Status.PROVED


def _given(value: _Found) -> Callable[[], _Found]:
    return lambda: value
