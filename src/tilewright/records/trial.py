"""A candidate with all that is known of it, and the run that made it."""

from __future__ import annotations

from dataclasses import dataclass, field

from tilewright.records.algorithm import Algorithm
from tilewright.records.build import Build, BuildFailure
from tilewright.records.estimate import Estimate
from tilewright.records.finding import Finding
from tilewright.records.launch import Capture, Launch
from tilewright.records.profile import Diagnosis, Profile
from tilewright.records.schedule import Schedule
from tilewright.records.source import Request
from tilewright.records.target import Target
from tilewright.records.timing import Comparison, Screening
from tilewright.records.verdict import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Lifted:
    """An Algorithm, and the Schedule the input runs it with."""

    algorithm: Algorithm
    schedule: Schedule
    launch: Launch


@dataclass(frozen=True, slots=True, kw_only=True)
class Refusal:
    """Something was not done, and why."""

    what: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One Schedule field that the candidate sets otherwise than the input did, or work of the input that it skips."""

    field: str
    before: str
    after: str
    reason: str
    predicted_ratio: float | None
    """Predicted time before over time after of this change alone; ``None`` where the model cannot see it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Candidate:
    """A file that might replace the input."""

    text: str
    kernel: str
    schedules: tuple[Schedule, ...]
    """One, or the entries of the autotune list it carries."""
    changes: tuple[Change, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A candidate with what was found out about it."""

    candidate: Candidate
    builds: tuple[Build | BuildFailure, ...]
    estimate: Estimate | None
    """Of the entry predicted fastest."""
    findings: tuple[Finding, ...]
    verdict: Verdict | None
    entry_estimates: tuple[Estimate, ...] = ()
    """Of every entry, in the order of ``builds`` and of the candidate's schedules."""
    stage: str = ""
    """The stage that thought of it; ``polish`` for the search over all fields together."""
    screening: Screening | None = None
    """Measured among many; ``None`` without a GPU."""
    comparison: Comparison | None = None
    """Measured against the file that it was to replace; ``None`` where it did not come to that."""
    at_s: float = 0.0
    """When its last figure was known, in seconds since the run began."""
    elsewhere: tuple[str, ...] = ()
    """What its entries do on other GPUs or in other dtypes that they do not do here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelAnalysis:
    """What was found out about one launch of the input."""

    launch: Launch
    algorithm: Algorithm
    build: Build | BuildFailure
    estimate: Estimate | None
    diagnosis: Diagnosis | None
    schedule: Schedule | None = None
    """The Schedule that the input runs the Algorithm with."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Inspection:
    """What a file launches on a target, and what binds each launch."""

    request: Request
    target: Target
    capture: Capture
    analyses: tuple[KernelAnalysis, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOutcome:
    """What became of one stage, or of the polish after them, in a measured run."""

    stage: str
    outcome: str
    """``accepted``, ``kept`` (nothing beat what was there), ``skipped`` (not entered), or ``reverted`` (a change was
    proved, and was not faster)."""
    reason: str
    """One sentence, with its figures."""
    considered: int = 0
    """Schedules that were estimated."""
    built: int = 0
    timed: int = 0
    proved: int = 0
    comparison: Comparison | None = None
    """Of the accepted, or of the best refused change, with the file that the stage began with."""
    profile: Profile | None = None
    """Of the file that the stage began with, in the stage's metrics."""
    diagnoses: tuple[Diagnosis, ...] = ()
    """Of that file's kernels, the one that takes longest first."""
    elapsed_s: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What a run found out on a GPU."""

    device: str
    """The GPU's name as its driver gives it."""
    stages: tuple[StageOutcome, ...]
    comparison: Comparison | None
    """Input and output, timed in a process of their own at the end; ``None`` where the input goes back unchanged."""
    input_us: float
    """Of one call of the input, cold, as first measured."""
    before: Profile | None = None
    after: Profile | None = None
    """Of the input and of the output; ``None`` where the profiler does not work, for a reason in ``notes``."""
    diagnoses_after: tuple[Diagnosis, ...] = ()
    floor_us: float | None = None
    """The roofline's: no schedule of the same arithmetic is faster than this on the target (predicted)."""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One ``optimize`` from request to answer."""

    request: Request
    target: Target
    stage: str
    capture: Capture
    analyses: tuple[KernelAnalysis, ...]
    findings: tuple[Finding, ...]
    trials: tuple[Trial, ...]
    winner: Trial | None
    """The trial whose file is the answer; ``None``: the input goes back unchanged, for ``reason``."""
    reason: str
    undecided: bool = False
    """Candidates were found, and nothing could be proved about any of them: the input goes back for want of a proof."""
    accepted: tuple[Trial, ...] = ()
    """Every trial that was proved and kept, in order: each started from the file of the one before it."""
    refusals: tuple[Refusal, ...] = ()
    notes: tuple[str, ...] = field(default_factory=tuple)
    elapsed_s: float = 0.0
    precision: str = "no-worse"
    """What the proofs allowed a candidate's error to be."""
    proved_dtypes: tuple[str, ...] = ()
    """Float dtypes that the proofs ran beside the one of the inputs."""
    uncompilable_dtypes: tuple[str, ...] = ()
    """Those of them that the input itself does not compile for."""
    measured: Measured | None = None
    """``None`` for a run that only predicted."""
    id: str = ""
    """The run's name in the store; empty where it was not kept."""
