"""A measured run: the stages in order, the polish, and the confirmation in a process of its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

from tilewright.capture import capture, capture_variants
from tilewright.errors import InputError
from tilewright.lint import check
from tilewright.profiling import grid_sizes
from tilewright.records.finding import Finding
from tilewright.records.launch import Capture
from tilewright.records.profile import Diagnosis, Profile
from tilewright.records.source import Request
from tilewright.records.stage import Stage
from tilewright.records.timing import Comparison, Decision, Screening
from tilewright.records.trial import Measured, Refusal, Run, StageOutcome, Trial
from tilewright.records.verdict import Status
from tilewright.search.accept import DTYPES, fault_of
from tilewright.search.analyse import Analysed, analyse
from tilewright.search.measured import words
from tilewright.search.measured.attempt import hash_of
from tilewright.search.measured.clock import POLISH_S, STAGE_S, Clock
from tilewright.search.measured.compose import Composer
from tilewright.search.measured.finalists import as_list
from tilewright.search.measured.floor import floor_us
from tilewright.search.measured.options import Options
from tilewright.search.measured.polish import NAME as POLISH
from tilewright.search.measured.polish import run_polish
from tilewright.search.measured.stage import run_stage
from tilewright.search.measured.state import State, is_proved
from tilewright.search.measured.trying import COMPARISON_S
from tilewright.search.measured.workbench import Untimed, Workbench
from tilewright.search.session import Session
from tilewright.stages import under_policy

ENOUGH = 0.95
"""Part of the roofline's floor at which there is nothing left to look for."""


class _Loop:
    """One measured run, step by step."""

    def __init__(
        self,
        request: Request,
        stages: Sequence[Stage],
        session: Session,
        bench: Workbench,
        options: Options,
        on_run: Callable[[Run], None],
    ) -> None:
        self.request, self.stages, self.session = request, under_policy(stages, options.precision), session
        self.bench, self.options, self.on_run = bench, options, on_run
        self.clock = Clock(options.limit_s, earlier_s=session.log.elapsed_s)
        self.before: Profile | None = None
        self.after: Profile | None = None
        self.diagnoses_after: tuple[Diagnosis, ...] = ()
        self.confirmed: Comparison | None = None
        self.why_not = ""
        self.floor_us: float | None = None
        self.least_us: float | None = None
        """As ``floor_us``, in the fastest arithmetic that the stages may choose."""

    def begin(self) -> None:
        """Read the input, and time and profile it."""
        session, request = self.session, self.request
        session.say("running the wrapper against a recording driver")
        self.capture: Capture = capture(
            request.source,
            target=session.target,
            worker=session.capture_worker,
            inputs=request.inputs,
            reference=request.reference_path,
            grid_sizes=grid_sizes(request.metrics),
        )
        self.findings: tuple[Finding, ...] = check(request.source, self.capture.launches)
        variants = capture_variants(
            request.source, capture=self.capture, target=session.target, worker=session.capture_worker, dtypes=DTYPES
        )
        self.uncompilable = tuple(dtype for dtype, found in variants.items() if fault_of(found))
        self.bench.prepare(self.capture, self.uncompilable)
        session.say(f"building and reading the kernels for {session.target.title}")
        self.analysed: tuple[Analysed, ...] = analyse(self.capture, session, metrics={}, stage=self.stages[0])
        self.floor_us = floor_us(self.analysed, session.target)
        narrows = any("operand_dtype" in stage.fields for stage in self.stages)
        self.least_us = floor_us(self.analysed, session.target, narrows=narrows)
        self.state = State(
            composer=Composer(request.source, self.capture, self.analysed, session),
            session=session,
            bench=self.bench,
            options=self.options,
            clock=self.clock,
            capture=self.capture,
            text=request.source.text,
            stages=self.stages,
            on_taken=lambda: self.on_run(self.run(finished=False)),
        )
        self.state.say("", "timing the input")
        self.state.input_us = self.state.best_us = self._time_input()
        if not self._too_late():  # it is for the stages
            self.state.say("", "profiling the input")
            self.before = self.state.profile(request.source.text)
        if self.before is not None:
            self.analysed = analyse(self.capture, session, metrics=self.before.metrics, stage=self.stages[0])

    def search(self) -> None:
        """Walk the stages and polish, until nothing is left to gain or the time is over."""
        steps: list[Callable[[], StageOutcome]] = [
            lambda stage=stage: run_stage(self.state, stage, alone=len(self.stages) == 1)  # type: ignore[misc]
            for stage in self.stages
        ]
        names = [stage.name for stage in self.stages]
        if self._polishes:
            steps.append(lambda: run_polish(self.state))
            names.append(POLISH)
        for name, step in zip(names, steps, strict=True):
            why = self._enough() or (self._too_late() if name != POLISH else "")
            if why:
                self.state.outcomes.append(StageOutcome(stage=name, outcome="skipped", reason=why))
                continue
            self.state.outcomes.append(step())
            self.on_run(self.run(finished=False))

    def confirm(self) -> None:
        """Prove the fastest file in every dtype, and time it against the input in a process that has seen neither."""
        state = self.state
        if not state.taken:
            self.why_not = self._nothing_found()
            return
        while state.taken and not self._is_proved_throughout(state.text):
            state.drop_last()
        if not state.taken:
            return
        if self.options.autotune:
            as_list(state, dtypes=DTYPES)
        state.say("", "confirming in a new process")
        timed = state.compare(state.input_text, state.text, limit_s=COMPARISON_S, confirm=True)
        if isinstance(timed, Untimed):
            self.why_not = f"the best file could not be timed again: {timed.reason}"
            return
        self.confirmed = timed
        if timed.decision is not Decision.FASTER:
            self.why_not = f"in a new process the best file was not faster: {words.comparison(timed)}"
            return
        if self.before is not None:
            state.say("", "profiling the output")
            self.after = state.profile(state.text)
        metrics = {} if self.after is None else self.after.metrics
        now = analyse(state.capture, self.session, metrics=metrics, stage=self.stages[0])
        self.diagnoses_after = tuple(one.analysis.diagnosis for one in now if one.analysis.diagnosis is not None)

    def _is_proved_throughout(self, text: str) -> bool:
        """Whether a file, which is proved in the input's dtype, is proved in every other too."""
        self.state.say("", f"proving the fastest file in {', '.join(DTYPES)}")
        found = self.state.prove(text, dtypes=DTYPES)
        if is_proved(found):
            return True
        self.why_not = f"the fastest file was not proved in every dtype: {found.verdict.reason}"
        last = self.state.taken[-1].trial
        self.state.refusals.append(Refusal(what=f"{last.candidate.kernel}: {last.stage}", reason=self.why_not))
        return False

    def run(self, *, finished: bool = True) -> Run:
        """The run as far as it has come: the winner is the fastest proved file, and at the end a confirmed one."""
        state = self.state
        accepted_last = dict[str, Trial]()
        for taken in state.taken:
            # the kernel that changed last comes last: its file is the answer
            accepted_last.pop(taken.kernel, None)
            accepted_last[taken.kernel] = taken.trial
        accepted = tuple(self._with_verdict(trial) for trial in accepted_last.values())
        trials = state.trials | {hash_of(trial.candidate.text): trial for trial in accepted}
        confirmed = self.confirmed is not None and self.confirmed.decision is Decision.FASTER
        won = bool(accepted) and (confirmed or not finished)
        notes = list(self.request.notes)
        if self.request.metrics:
            notes.append("the metrics that came with the input are left aside: this run measured its own")
        metrics = {} if self.before is None else self.before.metrics
        return Run(
            request=replace(self.request, metrics=metrics, notes=tuple(notes)),
            target=self.session.target,
            stage=self.stages[0].name if len(self.stages) == 1 else "all",
            capture=self.capture,
            analyses=tuple(one.analysis for one in self.analysed),
            findings=self.findings,
            trials=tuple(trials.values()),
            winner=accepted[-1] if won else None,
            accepted=accepted if won else (),
            reason=self._reason(won=won, finished=finished),
            undecided=not won and self._all_undecided(),
            refusals=tuple(dict.fromkeys(state.refusals)),
            notes=tuple(notes),
            elapsed_s=self.clock.elapsed_s,
            precision=self.options.precision,
            proved_dtypes=DTYPES,
            uncompilable_dtypes=self.uncompilable,
            measured=Measured(
                device=self.bench.device,
                stages=tuple(state.outcomes),
                comparison=self.confirmed,
                input_us=state.input_us,
                before=self.before,
                after=self.after,
                diagnoses_after=self.diagnoses_after,
                floor_us=self.floor_us,
                notes=tuple(self.bench.notes),
            ),
            id=self.session.log.id,
        )

    def _reason(self, *, won: bool, finished: bool) -> str:
        if not finished:
            return "the run has not come to its end"
        return "proved, and measured to be faster" if won else self.why_not

    def _with_verdict(self, trial: Trial) -> Trial:
        """The last change's trial holds the proof of the whole file; those before it hold their own."""
        found = self.state.verifications.get(hash_of(trial.candidate.text))
        return trial if found is None else replace(trial, verdict=found.verdict)

    def _time_input(self) -> float:
        text = self.request.source.text
        log, key = self.session.log, f"input {hash_of(text)}"
        known = log.recall(Screening, key)
        if known is None:
            looked = self.bench.screen(text, [text], limit_s=max(10.0, self.clock.left_s))[0]
            if looked.time_us is None:
                source = self.request.source
                raise InputError(
                    f"{source.path}: forward does not run on {self.bench.device}: {looked.error}; mend the input first"
                )
            known = log.remember(Screening, key, lambda: looked)
        assert known.time_us is not None
        return known.time_us.value

    def _enough(self) -> str:
        """Why no further stage is worth its time; empty if one may be."""
        if self.clock.is_over:
            return "the run's time is over"
        if self.least_us and self.state.best_us and self.least_us >= ENOUGH * self.state.best_us:
            share = self.least_us / self.state.best_us
            return (
                f"{self.state.best_us:,.1f} us (measured) is {share:.0%} of what the roofline allows "
                f"({self.least_us:,.1f} us, predicted)"
            )
        return ""

    @property
    def _polishes(self) -> bool:
        return len(self.stages) > 1 and self.options.polish_rounds > 0

    def _too_late(self) -> str:
        """Why a stage has to leave the time that is left to the polish; empty if there is enough for both."""
        if not self._polishes:
            return ""
        longest_s = max([STAGE_S, *(one.elapsed_s for one in self.state.outcomes)])
        if self.clock.left_s >= POLISH_S + longest_s:
            return ""
        return f"{max(self.clock.left_s, 0.0):.0f} s are left, which the search over all fields together takes"

    def _nothing_found(self) -> str:
        outcomes = [one for one in self.state.outcomes if one.outcome != "skipped"] or self.state.outcomes
        return f"{outcomes[0].stage}: {outcomes[0].reason}" if outcomes else "nothing to change"

    def _all_undecided(self) -> bool:
        verdicts = [one.verdict for one in self.state.verifications.values()]
        return bool(verdicts) and all(verdict.status is Status.UNDECIDED for verdict in verdicts)


def optimize_on(
    request: Request,
    *,
    stages: Sequence[Stage],
    session: Session,
    bench: Workbench,
    options: Options,
    on_run: Callable[[Run], None] = lambda run: None,
) -> tuple[Run, State]:
    """Run the stages on a GPU over every kernel of the request's file.

    Every candidate is the input with other schedules, proved against the input and timed against the fastest proved
    file before it.

    Args:
        request: the input; metrics that came with it are left aside.
        stages: in their order; more than one are followed by a search over all fields together.
        session: of the GPU in this machine.
        bench: that GPU.
        options: how far to go.
        on_run: told of the run after each stage.

    Returns:
        The run, and what it has remembered, with the verification of each proved file.

    Raises:
        InputError: the input cannot be used.
    """
    loop = _Loop(request, stages, session, bench, options, on_run)
    loop.begin()
    loop.search()
    loop.confirm()
    return loop.run(), loop.state
