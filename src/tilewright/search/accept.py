"""Accept a candidate: contract, other dtypes, and proof. Whatever fails here does not leave."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

from tilewright.capture import NO_LAUNCH, capture_variants
from tilewright.lint import check
from tilewright.prove import Prover, small_problems
from tilewright.records.finding import Finding, Severity
from tilewright.records.launch import Capture
from tilewright.records.source import KernelSource
from tilewright.records.trial import Trial
from tilewright.records.verdict import Status, Verdict
from tilewright.search.explore import Explored
from tilewright.search.session import Session
from tilewright.store import NullLog, key_of

PROOF_LIMIT_S = 60.0
"""For all runs of one file in the interpreter."""
DTYPES = ("fp32", "fp16", "bf16")
"""Every emitted file is compiled for these, whichever of them the input was given."""


class Original:
    """The input that candidates are proved against, with what it can do.

    Attributes:
        source: the input's file.
        capture: its forward call.
        refused_dtypes: dtypes for which the input itself does not compile.
    """

    def __init__(
        self,
        source: KernelSource,
        capture: Capture,
        refused_dtypes: tuple[str, ...],
        make_prover: Callable[[], Prover],
        *,
        log: NullLog | None = None,
        about: str = "",
    ) -> None:
        """Keep them together.

        Args:
            source, capture, refused_dtypes: see above.
            make_prover: runs the input and the oracle, which takes seconds.
            log: knows the verdicts that the run has come to before; by default none.
            about: hash of all that a verdict depends on besides the candidate.
        """
        self.source, self.capture, self.refused_dtypes = source, capture, refused_dtypes
        self._make_prover, self._log, self._about = make_prover, NullLog() if log is None else log, about
        self._coming: Future[Prover] | None = None

    def prepare(self) -> None:
        """Start to run the input and the oracle in the interpreter, while candidates are still being built."""
        if self._coming is None:
            thread = ThreadPoolExecutor(1, thread_name_prefix="tilewright-proof")
            self._coming = thread.submit(self._make_prover)
            thread.shutdown(wait=False)

    @property
    def prover(self) -> Prover:
        """Compares candidates with the input; waits for the input's own runs."""
        self.prepare()
        assert self._coming is not None
        return self._coming.result()

    def verdict_of(self, candidate: KernelSource) -> tuple[Verdict, float]:
        """Prove a candidate, unless the run has done so before; with when that was known, in seconds of the run."""
        key, sha256 = key_of(self._about, candidate.text), hashlib.sha256(candidate.text.encode()).hexdigest()
        verdict = self._log.remember(Verdict, key, lambda: self.prover.prove(candidate), candidate=sha256)
        known_at_s = self._log.known_at_s(Verdict, key)
        return verdict, self._log.now_s if known_at_s is None else known_at_s


def original_of(
    source: KernelSource, capture: Capture, reference: str | None, session: Session, *, precision: str, seed: int
) -> Original:
    """Find out for which dtypes the input compiles."""
    variants = capture_variants(
        source, capture=capture, target=session.target, worker=session.capture_worker, dtypes=DTYPES
    )
    refused = tuple(dtype for dtype, found in variants.items() if fault_of(found))
    oracle = None if reference is None else Path(reference).read_text(encoding="utf-8")
    problems = small_problems(capture.inputs, capture.init_arguments)

    def make_prover() -> Prover:
        return Prover(
            source,
            problems=problems,
            precision=precision,
            reference=oracle,
            dtypes=DTYPES,
            uncompilable_dtypes=refused,
            worker=session.proof_worker,
            candidate_worker=session.candidate_worker,
            seed=seed,
            timeout_s=PROOF_LIMIT_S,
        )

    about = key_of(source.text, oracle, repr(problems), precision, DTYPES, refused, seed, PROOF_LIMIT_S)
    return Original(source, capture, refused, make_prover, log=session.log, about=about)


def fault_of(found: Capture) -> str:
    """Why a captured forward call would not run on a GPU; empty if it would.

    A call without launches runs: a file may leave a dtype to PyTorch, and a proof sees whether it does so by itself.
    """
    if found.error == NO_LAUNCH:
        return ""
    return found.error or next((launch.error for launch in found.launches if launch.error), "")


def judge(explored: Explored, original: Original) -> Trial:
    """Lint and prove; stop at the first that fails."""
    findings = check(explored.source, explored.capture.launches)
    wrong = [finding for finding in findings if finding.severity is Severity.ERROR]
    if wrong:
        return _trial(explored, findings, _refuted(f"the written file breaks {wrong[0].code}: {wrong[0].message}"))
    verdict, at_s = original.verdict_of(explored.source)
    return replace(_trial(explored, findings, verdict), at_s=at_s)


def refuted(explored: Explored, reason: str) -> Trial:
    """A candidate that is refused before it comes to a proof."""
    return _trial(explored, (), _refuted(reason))


def _refuted(reason: str) -> Verdict:
    return Verdict(status=Status.REFUTED, checks=(), reason=reason)


def _trial(explored: Explored, findings: tuple[Finding, ...], verdict: Verdict) -> Trial:
    return Trial(
        candidate=explored.candidate,
        builds=explored.builds,
        estimate=explored.estimate,
        entry_estimates=explored.estimates,
        findings=findings,
        verdict=verdict,
    )
