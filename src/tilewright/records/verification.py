"""What ``verify`` found, with all that it takes to repeat it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tilewright.records.problem import Problem
from tilewright.records.source import TensorSpec
from tilewright.records.verdict import Check, Status, Verdict

InitArgument = int | float | bool | str | tuple[int, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class VerifiedFile:
    """One file that took part, as it was read."""

    path: str
    """What to call it in messages; a certificate names the file as it was called where it was made."""
    text: str
    sha256: str
    """Of ``text`` in UTF-8, line ends as ``\\n``."""
    first_line: int = 1
    """Line of ``path`` on which ``text`` begins: more than 1 where it stands inside a prompt document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """What is to be verified: the candidate, what it is held against, and how."""

    candidate: VerifiedFile
    reference: VerifiedFile | None = None
    original: VerifiedFile | None = None
    precision: str = "no-worse"
    inputs: tuple[TensorSpec, ...] = ()
    """Forward's arguments at their real size; empty: read from the reference, else found in the original."""
    init_arguments: tuple[InitArgument, ...] = ()
    """What the model is made with; counts only beside ``inputs``."""
    dtypes: tuple[str, ...] = ()
    """Float dtypes to run beside the one that the inputs state, as ``fp32``, ``fp16``, ``bf16``."""
    uncompilable_dtypes: tuple[str, ...] = ()
    """Those that the original does not compile for."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verification:
    """A verdict, and where, on what, with what and how it was reached."""

    claim: Claim
    """With ``inputs`` and ``init_arguments`` filled in as they were found."""
    verdict: Verdict
    evidence: Check | None = None
    """The failed check that the verdict's reason reports; ``None`` unless refuted."""
    device: str = "interpreter"
    """``interpreter``, or the GPU's name as its driver gives it."""
    driver: str | None = None
    """The GPU's driver version; ``None`` without a GPU."""
    architecture: str | None = None
    """What Triton compiled for there, as ``sm_89``, which may be older than the GPU; ``None`` if nothing ran on one."""
    gpu: str | None = None
    """The Target that was named, by its name in the catalog; a time, where one was taken, is held against its peaks."""
    sandbox: str = "unsandboxed"
    """What kept the candidate's process from the rest of the machine, in words."""
    versions: Mapping[str, str] = field(default_factory=dict)
    """Version of Python, Tilewright and of each package that the verdict depends on."""
    problems: tuple[Problem, ...] = ()
    """The calls that were to be made."""
    seeds: tuple[int, ...] = ()
    """Of inputs and parameters, in the order of their use."""
    timeout_s: float = 60.0
    """Seconds that all runs of one file were given."""
    started_utc: str = ""
    """When it began, as ``2026-01-31T12:34:56Z``."""
    elapsed_s: float = 0.0
    times_s: Mapping[str, float] = field(default_factory=dict)
    """Seconds of each part, in order."""

    @property
    def proved(self) -> bool:
        """Whether the candidate may take the original's place."""
        return self.verdict.status is Status.PROVED

    @property
    def refused_by(self) -> str:
        """Name of the failed check that the reason reports; empty unless refuted."""
        return "" if self.evidence is None else self.evidence.name
