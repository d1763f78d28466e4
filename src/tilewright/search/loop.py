"""One run: from a request to a proved file, or to the input with the reason why it stays."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace

from tilewright.capture import capture
from tilewright.lint import check
from tilewright.profiling import grid_sizes
from tilewright.records.algorithm import Opaque
from tilewright.records.finding import Finding
from tilewright.records.launch import Capture
from tilewright.records.source import KernelSource, Request
from tilewright.records.stage import Stage
from tilewright.records.trial import KernelAnalysis, Refusal, Run, Trial
from tilewright.records.verdict import Status
from tilewright.search import joint
from tilewright.search.accept import DTYPES, Original, original_of
from tilewright.search.analyse import Analysed, analyse
from tilewright.search.explore import Explored, explore
from tilewright.search.portable import judge_elsewhere
from tilewright.search.session import Session
from tilewright.stages import all_stages, under_policy

PROOFS = 2
"""Candidates of one stage that are tried in the prover before the stage gives up."""


@dataclass
class _State:
    """What a run was given, and what it has reached."""

    request: Request
    stages: Sequence[Stage]
    precision: str
    first: Capture
    """Of the input."""
    findings: tuple[Finding, ...]
    source: KernelSource
    capture: Capture
    analyses: tuple[KernelAnalysis, ...] = ()
    original: Original | None = None
    trials: list[Trial] = field(default_factory=list)
    refusals: list[Refusal] = field(default_factory=list)
    accepted: list[Trial] = field(default_factory=list)

    @property
    def winner(self) -> Trial | None:
        """The last accepted trial: its file holds the changes of all before it."""
        return self.accepted[-1] if self.accepted else None


def optimize(
    request: Request,
    *,
    stages: Sequence[Stage],
    session: Session,
    precision: str,
    seed: int = 0,
    on_run: Callable[[Run], None] | None = None,
) -> Run:
    """Run the stages in order over every kernel of the request's file.

    Each accepted candidate becomes the next stage's starting point; each is proved against the original input. What
    is found out goes into the session's log, and what stands there is not found out again.

    Args:
        request: what was handed in.
        stages: to go through, in this order.
        session: the processes to work with.
        precision: what the proofs allow a candidate's error to be.
        seed: of the inputs that proofs are made on.
        on_run: told the run as far as it has come: after the input was read, and after each verdict.

    Raises:
        InputError: the input cannot be used.
    """
    session.say("running the wrapper against a recording driver")
    first = capture(
        request.source,
        target=session.target,
        worker=session.capture_worker,
        inputs=request.inputs,
        reference=request.reference_path,
        grid_sizes=grid_sizes(request.metrics),
    )
    state = _State(
        request=request,
        stages=under_policy(stages, precision),
        precision=precision,
        first=first,
        findings=check(request.source, first.launches),
        source=request.source,
        capture=first,
    )

    def tell() -> None:
        if on_run is not None:
            on_run(_so_far(state, session))

    for stage in state.stages:
        session.say(f"{stage.name}: building and reading the kernels for {session.target.title}")
        analysed = analyse(state.capture, session, metrics=_still_true(state, request.metrics), stage=stage)
        if state.original is None:
            state.analyses = tuple(one.analysis for one in analysed)
            reference = request.reference_path
            state.original = original_of(request.source, first, reference, session, precision=precision, seed=seed)
            tell()
        _run_stage(state, analysed, stage, state.original, session, request.metrics, tell)
    if len(stages) > 1 and state.original is not None:
        _run_jointly(state, state.original, session, tell)
    return _so_far(state, session)


def _so_far(state: _State, session: Session) -> Run:
    """The run as far as it has come."""
    return Run(
        request=state.request,
        target=session.target,
        stage=state.stages[0].name if len(state.stages) == 1 else "all",
        capture=state.first,
        analyses=state.analyses,
        findings=state.findings,
        trials=tuple(state.trials),
        winner=state.winner,
        accepted=tuple(state.accepted),
        reason=_reason(state),
        undecided=state.winner is None and _all_undecided(state.trials),
        refusals=tuple(dict.fromkeys(state.refusals)),
        notes=state.request.notes,
        elapsed_s=session.log.now_s,
        precision=state.precision,
        proved_dtypes=DTYPES,
        uncompilable_dtypes=state.original.refused_dtypes if state.original else (),
        id=session.log.id,
    )


def _run_stage(
    state: _State,
    analysed: Sequence[Analysed],
    stage: Stage,
    original: Original,
    session: Session,
    metrics: Mapping[str, Mapping[str, float]],
    tell: Callable[[], None],
) -> None:
    """Try to improve each kernel in turn, the slowest first; a kernel is rewritten at most once in a stage."""
    done: set[str] = set()
    for one in sorted(analysed, key=_cost, reverse=True):
        kernel = one.lifted.launch.kernel
        if kernel in done:
            continue
        done.add(kernel)
        if isinstance(one.lifted.algorithm, Opaque) and _is_own(state, kernel):
            reason = f"{stage.name}: the run wrote it in an earlier stage, and its new form is not lifted"
            state.refusals.append(Refusal(what=kernel, reason=reason))
            continue
        explored, refusals = explore(
            state.source,
            one,
            original.capture,
            stage,
            session,
            metrics=_still_true(state, metrics).get(kernel, {}),
            on_promise=original.prepare,
        )
        state.refusals += refusals
        for found in explored:
            _keep(found, stage, session)
        for found in explored[:PROOFS]:
            candidate, trial, dropped = judge_elsewhere(state.source, one, found, original, stage, session)
            state.refusals += dropped
            if trial is None:
                continue
            if candidate is not found:
                _keep(candidate, stage, session)
            trial = replace(trial, stage=stage.name)
            state.trials.append(trial)
            proved = trial.verdict is not None and trial.verdict.status is Status.PROVED
            if proved:
                _take(state, candidate, trial)
            tell()
            if proved:
                break


def _is_own(state: _State, kernel: str) -> bool:
    """Whether the run wrote a kernel: what is known of it then is more than an opaque kernel's launch shows."""
    written = {trial.candidate.kernel for trial in state.accepted}
    return kernel in written or kernel not in {launch.kernel for launch in state.first.launches}


def _run_jointly(state: _State, original: Original, session: Session, tell: Callable[[], None]) -> None:
    """Look from the input again, at moves that no stage can make alone, where one kernel is all that was rewritten."""
    (stage,) = under_policy((joint.STAGE,), state.precision)
    analysed = analyse(state.first, session, metrics={}, stage=stage)
    slowest = max(analysed, key=_cost, default=None)
    best = None if slowest is None else joint.to_beat(state.first.launches, slowest.analysis, state.accepted)
    if slowest is None or best is None:
        return
    source = state.request.source
    explored, refusals = joint.explore_jointly(source, slowest, original.capture, best, stage, session)
    state.refusals += refusals
    for found in explored[:PROOFS]:
        _keep(found, stage, session)
        candidate, trial, dropped = judge_elsewhere(source, slowest, found, original, stage, session)
        state.refusals += dropped
        if trial is None:
            continue
        if candidate is not found:
            _keep(candidate, stage, session)
        trial = replace(trial, stage=stage.name)
        state.trials.append(trial)
        proved = trial.verdict is not None and trial.verdict.status is Status.PROVED
        if proved:
            state.accepted.clear()  # it starts from the input, and holds none of their changes
            _take(state, candidate, trial)
        tell()
        if proved:
            return


def _keep(found: Explored, stage: Stage, session: Session) -> None:
    """Put a written file, and what its entries became, into the run's log."""
    candidate = found.candidate
    sha256 = session.log.candidate(
        candidate.text, kernel=candidate.kernel, stage=stage.name, schedules=candidate.schedules
    )
    for build in found.builds:
        session.log.build(sha256, build)


def _take(state: _State, candidate: Explored, trial: Trial) -> None:
    """Make a proved candidate the file that everything after it starts from."""
    state.source, state.capture = candidate.source, candidate.capture
    state.accepted.append(trial)


def _still_true(state: _State, metrics: Mapping[str, Mapping[str, float]]) -> dict[str, Mapping[str, float]]:
    """The measured metrics of those kernels that still are what was measured."""
    rewritten = {trial.candidate.kernel for trial in state.accepted}
    return {kernel: values for kernel, values in metrics.items() if kernel not in rewritten}


def _cost(one: Analysed) -> float:
    return one.analysis.estimate.time_us if one.analysis.estimate else 0.0


def _all_undecided(trials: Sequence[Trial]) -> bool:
    """Whether candidates came to a proof, and the prover could decide about none of them."""
    verdicts = [trial.verdict for trial in trials if trial.verdict is not None]
    return bool(verdicts) and all(verdict.status is Status.UNDECIDED for verdict in verdicts)


def _reason(state: _State) -> str:
    if state.winner is not None:
        return "proved, and predicted to be faster"
    refuted = [trial.verdict for trial in state.trials if trial.verdict is not None]
    if refuted:
        return f"no candidate could be proved: {refuted[0].reason}"
    if state.refusals:
        return _first_refusal(state)
    if not state.capture.launches:
        return f"forward() launched no kernel{': ' + state.capture.error if state.capture.error else ''}"
    return "nothing to change"


def _first_refusal(state: _State) -> str:
    """The reason of the first refusal, with the kernel where there are several, and with what it is about."""
    first = state.refusals[0]
    kernel, _, detail = first.what.partition(": ")
    several = len({launch.kernel for launch in state.capture.launches}) > 1
    about = [kernel] if several else []
    about += [detail] if detail not in {"", "estimate", *(stage.name for stage in all_stages())} else []
    return ": ".join([*about, first.reason])
