"""Accept a candidate: contract, other dtypes, and proof. Whatever fails here does not leave."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from tilewright.capture import capture_variants
from tilewright.lint import check
from tilewright.prove import Prover, small_problems
from tilewright.records.build import BuildFailure
from tilewright.records.finding import Finding, Severity
from tilewright.records.launch import Capture
from tilewright.records.source import KernelSource
from tilewright.records.trial import Trial
from tilewright.records.verdict import Status, Verdict
from tilewright.search.analyse import build_launches
from tilewright.search.explore import Explored
from tilewright.search.session import Session

PROOF_LIMIT_S = 120.0
"""For all runs of one file in the interpreter."""
DTYPES = ("fp32", "fp16", "bf16")
"""Every emitted file is compiled for these, whichever of them the input was given."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """The input that candidates are proved against, with what it can do."""

    source: KernelSource
    capture: Capture
    refused_dtypes: tuple[str, ...]
    """Dtypes for which the input itself does not compile."""
    prover: Prover


def original_of(
    source: KernelSource, capture: Capture, reference: str | None, session: Session, *, precision: str, seed: int
) -> Original:
    """Find out for which dtypes the input compiles, and run it (and the oracle) in the interpreter."""
    variants = capture_variants(
        source, capture=capture, target=session.target, worker=session.capture_worker, dtypes=DTYPES
    )
    refused = tuple(dtype for dtype, found in variants.items() if fault_of(found))
    prover = Prover(
        source,
        problems=small_problems(capture.inputs, capture.init_arguments),
        precision=precision,
        reference=None if reference is None else Path(reference).read_text(encoding="utf-8"),
        dtypes=DTYPES,
        uncompilable_dtypes=refused,
        worker=session.proof_worker,
        seed=seed,
        timeout_s=PROOF_LIMIT_S,
    )
    return Original(source=source, capture=capture, refused_dtypes=refused, prover=prover)


def fault_of(found: Capture) -> str:
    """Why a captured forward call would not run on a GPU; empty if it would."""
    if found.error:
        return found.error
    return next((launch.error for launch in found.launches if launch.error), "" if found.launches else "no launch")


def judge(explored: Explored, original: Original, session: Session) -> Trial:
    """Lint, compile for every dtype, and prove; stop at the first that fails."""
    findings = check(explored.source, explored.capture.launches)
    wrong = [finding for finding in findings if finding.severity is Severity.ERROR]
    if wrong:
        return _trial(explored, findings, _refuted(f"the written file breaks {wrong[0].code}: {wrong[0].message}"))
    fault = _dtype_fault(explored, original, session)
    if fault:
        return _trial(explored, findings, _refuted(fault))
    return _trial(explored, findings, original.prover.prove(explored.source))


def _dtype_fault(explored: Explored, original: Original, session: Session) -> str:
    """Why the candidate does not run for a dtype for which the input does."""
    wanted = tuple(dtype for dtype in DTYPES if dtype not in original.refused_dtypes)
    variants = capture_variants(
        explored.source,
        capture=original.capture,
        target=session.target,
        worker=session.capture_worker,
        dtypes=wanted,
    )
    for dtype, found in variants.items():
        fault = fault_of(found)
        if fault:
            return f"does not compile for {dtype}: {fault}"
        failures = [one for one in build_launches(found.launches, session) if isinstance(one, BuildFailure)]
        if len(failures) == len(found.launches):
            return f"does not build for {dtype}: {failures[0].message}"
    return ""


def _refuted(reason: str) -> Verdict:
    return Verdict(status=Status.REFUTED, checks=(), reason=reason)


def _trial(explored: Explored, findings: tuple[Finding, ...], verdict: Verdict) -> Trial:
    return Trial(
        candidate=explored.candidate,
        builds=explored.builds,
        estimate=explored.estimate,
        findings=findings,
        verdict=verdict,
    )
