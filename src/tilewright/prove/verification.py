"""The whole of one verification: static facts, the reference's inputs, then the proof."""

from __future__ import annotations

import contextlib
import platform
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata

from tilewright import lint
from tilewright.capture import PRELOAD as CAPTURE_PRELOAD
from tilewright.capture import capture
from tilewright.errors import InputError, ReferenceFileError
from tilewright.prove.host import UNCONFINED
from tilewright.prove.problems import small_problems
from tilewright.prove.prover import Prover, interpreter_worker
from tilewright.prove.reference import ReferenceCall, read_reference
from tilewright.records.finding import Finding, Severity
from tilewright.records.problem import Problem
from tilewright.records.source import KernelSource
from tilewright.records.target import Target
from tilewright.records.verdict import Check, Status, Verdict
from tilewright.records.verification import Claim, Verification, VerifiedFile
from tilewright.workers import Worker

STATIC = "source"
"""What stands as the distribution of a check that read the candidate and ran nothing."""
_PACKAGES = ("torch", "triton", "numpy")
_REFERENCE_LIMIT_S = 60.0
_SEED_BITS = 63


def verify(
    claim: Claim,
    *,
    target: Target,
    version: str,
    gpu: str | None = None,
    device: str = "none",
    sandbox: str = UNCONFINED,
    seed: int | None = None,
    timeout_s: float = 60.0,
    say: Callable[[str], None] = lambda step: None,
) -> Verification:
    """Verify a candidate against a reference, an original, or both.

    Args:
        claim: the files, and how to compare them; with neither reference nor original there is nothing to do.
        target: the GPU that ``torch.cuda`` answers for where there is none.
        version: of Tilewright itself.
        gpu: name of the target that measured times are held against; ``None``: that of the device.
        device: ``none`` runs everything in Triton's interpreter.
        sandbox: what confines the workers, in words.
        seed: of inputs and parameters; ``None``: a fresh one that nobody could know.
        timeout_s: seconds for all runs of one file.
        say: told what is being done.

    Raises:
        InputError: a file cannot be used.
    """
    if claim.reference is None and claim.original is None:
        raise InputError("nothing to verify against: give a reference, an original, or both")
    flow = _Flow(claim, target, secrets.randbits(_SEED_BITS) if seed is None else seed, timeout_s, say)
    began, started = time.monotonic(), datetime.now(UTC)
    with flow.workers():
        verdict = flow.run()
    return Verification(
        claim=flow.claim,
        verdict=verdict,
        evidence=evidence(verdict),
        gpu=gpu,
        sandbox=sandbox,
        versions=versions(version),
        problems=flow.problems,
        seeds=(flow.seed,),
        timeout_s=timeout_s,
        started_utc=started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        elapsed_s=time.monotonic() - began,
        times_s=flow.times_s,
    )


class _Flow:
    """One verification under way."""

    def __init__(self, claim: Claim, target: Target, seed: int, timeout_s: float, say: Callable[[str], None]) -> None:
        self.claim, self.target, self.seed, self.timeout_s, self.say = claim, target, seed, timeout_s, say
        self.problems: tuple[Problem, ...] = ()
        self.times_s: dict[str, float] = {}
        self.notes: list[str] = []
        self._oracle: Worker | None = None

    @contextlib.contextmanager
    def workers(self) -> Iterator[None]:
        """Start the processes: PyTorch and Triton take seconds to import, which the parent uses to read."""
        with contextlib.ExitStack() as stack:
            self._oracle = stack.enter_context(interpreter_worker())
            yield

    def run(self) -> Verdict:
        """Read, then run, then conclude."""
        assert self._oracle is not None
        began = time.monotonic()
        self.say("reading the source")
        static = static_checks(self.claim.candidate, self.claim.original)
        began = self._timed("static", began)
        failed = [check for check in static if not check.passed]
        if failed:
            return Verdict(
                status=Status.REFUTED,
                checks=static,
                reason=f"{failed[0].name}: {failed[0].detail}",
                unchecked=("nothing was run: the source alone refutes it",),
                seed=self.seed,
                elapsed_s=sum(self.times_s.values()),
            )
        self.say("asking for the inputs")
        call = self._call(self._oracle)
        self.problems = small_problems(self.claim.inputs, self.claim.init_arguments)
        began = self._timed("inputs", began)
        self.say("running the reference and the original")
        prover = self._prover(self._oracle)
        began = self._timed("baseline", began)
        self.say("running the candidate")
        verdict = prover.prove(kernel_source(self.claim.candidate))
        self._timed("candidate", began)
        self._blame_reference(call, verdict)
        return replace(
            verdict,
            checks=(*static, *verdict.checks),
            unchecked=(*self.notes, *verdict.unchecked),
            elapsed_s=sum(self.times_s.values()),
        )

    def _timed(self, part: str, began: float) -> float:
        now = time.monotonic()
        self.times_s[part] = now - began
        return now

    def _call(self, worker: Worker) -> ReferenceCall | None:
        """Fill in the claim's inputs: never from the candidate."""
        claim, call = self.claim, None
        if claim.reference is not None:
            limit_s = max(self.timeout_s, _REFERENCE_LIMIT_S)
            call = read_reference(claim.reference, worker=worker, target=self.target, timeout_s=limit_s)
            if not claim.inputs:
                self.claim = replace(claim, inputs=call.inputs, init_arguments=call.init_arguments)
            elif (claim.inputs, claim.init_arguments) != (call.inputs, call.init_arguments):
                self.notes.append("inputs are those that were given, not those of the reference's get_inputs()")
        elif not claim.inputs:
            assert claim.original is not None
            with Worker(preload=CAPTURE_PRELOAD) as capturing:
                found = capture(
                    kernel_source(claim.original), target=self.target, worker=capturing, timeout_s=self.timeout_s
                )
            self.notes += [f"no reference: {sentence}" for sentence in found.assumptions]
            self.claim = replace(claim, inputs=found.inputs, init_arguments=found.init_arguments)
        return call

    def _prover(self, worker: Worker) -> Prover:
        claim = self.claim
        original = claim.original
        if original is None:
            assert claim.reference is not None
            text = f"{claim.reference.text}\n\nModelNew = Model\n"
            original = replace(claim.reference, text=text)
        return Prover(
            kernel_source(original),
            problems=self.problems,
            precision=claim.precision,
            reference=None if claim.reference is None else claim.reference.text,
            dtypes=claim.dtypes,
            uncompilable_dtypes=claim.uncompilable_dtypes,
            worker=worker,
            seed=self.seed,
            timeout_s=self.timeout_s,
        )

    def _blame_reference(self, call: ReferenceCall | None, verdict: Verdict) -> None:
        """A reference whose forward raises on its own inputs, whatever their size, proves nothing about anybody."""
        reference = self.claim.reference
        if call is None or reference is None or not call.forward_error or verdict.checks:
            return
        if any(call.forward_error in sentence for sentence in (verdict.reason, *verdict.unchecked)):
            what = f"Model.forward raises {call.forward_error}"
            raise ReferenceFileError(reference.path, call.line, what, "it must run on what get_inputs() returns")


def static_checks(candidate: VerifiedFile, original: VerifiedFile | None) -> tuple[Check, ...]:
    """What the source alone tells: rules against tricks, of which the original may carry those it needs."""
    known = set() if original is None else {finding.code for finding in _errors(original)}
    new = [finding for finding in _errors(candidate) if finding.code not in known]
    if not new:
        return (_static("lint", True, "no rule of the range TW8 finds anything"),)
    return tuple(_static("lint", False, f"{finding.code} {finding.message} (line {finding.line})") for finding in new)


def _errors(file: VerifiedFile) -> list[Finding]:
    found = lint.check(kernel_source(file))
    return [each for each in found if each.code.startswith("TW8") and each.severity is Severity.ERROR]


def _static(name: str, passed: bool, detail: str) -> Check:
    return Check(
        name=name,
        dtype="",
        shapes=(),
        distribution=STATIC,
        error=0.0 if passed else 1.0,
        bound=0.0,
        original_error=None,
        passed=passed,
        detail=detail,
    )


def evidence(verdict: Verdict) -> Check | None:
    """The failed check that the reason of a refutation reports."""
    failed = [check for check in verdict.checks if not check.passed]
    if verdict.status is not Status.REFUTED or not failed:
        return None
    named = [check for check in failed if verdict.reason.startswith(f"{check.name}")]
    told = [check for check in failed if check.detail and check.detail in verdict.reason]
    both = [check for check in named if check in told]
    return (both or told or named or failed)[0]


def kernel_source(file: VerifiedFile) -> KernelSource:
    """The file as the other rooms take it; its kernels are not looked up."""
    return KernelSource(path=file.path, text=file.text, kernels=(), first_line=file.first_line)


def versions(tilewright_version: str) -> dict[str, str]:
    """Versions of what a verdict depends on."""
    found = {"tilewright": tilewright_version, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "unknown"
    return found
