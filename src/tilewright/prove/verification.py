"""The whole of one verification: static facts, the reference's inputs, then the proof."""

from __future__ import annotations

import contextlib
import os
import platform
import secrets
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from importlib import metadata

from tilewright import targets
from tilewright.capture import PRELOAD as CAPTURE_PRELOAD
from tilewright.capture import capture
from tilewright.errors import InputError, ReferenceFileError, SourceError, UnknownGpuError
from tilewright.prove import host
from tilewright.prove.physics_gate import Gate
from tilewright.prove.problems import real_problems, small_problems
from tilewright.prove.prover import Prover, cuda_worker, interpreter_worker
from tilewright.prove.reference import ReferenceCall, check_inputs, read_reference
from tilewright.prove.structure.judge import static_facts
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
_CORES_FOR_TWO = 4
"""Processor cores from which two workers share a candidate's calls: a start costs seconds of one."""
_SEED_BITS = 63


def verify(
    claim: Claim,
    *,
    target: Target,
    version: str,
    gpu: str | None = None,
    device: str = "none",
    sandbox: str = host.UNCONFINED,
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
        device: ``none`` runs everything in Triton's interpreter, ``cuda`` on the GPU.
        sandbox: what confines the workers, in words.
        seed: of inputs and parameters; ``None``: a fresh one that nobody could know.
        timeout_s: seconds for all runs of one file.
        say: told what is being done.

    Raises:
        InputError: a file cannot be used.
    """
    if claim.reference is None and claim.original is None:
        raise InputError("nothing to verify against: give a reference, an original, or both")
    flow = _Flow(
        claim,
        target=target,
        gpu=gpu,
        device=device,
        seed=secrets.randbits(_SEED_BITS) if seed is None else seed,
        timeout_s=timeout_s,
        say=say,
    )
    began, started = time.monotonic(), datetime.now(UTC)
    with flow.workers():
        verdict = flow.run()
    return Verification(
        claim=flow.claim,
        verdict=verdict,
        evidence=evidence(verdict),
        device=flow.device_name,
        driver=host.driver_version() if device == "cuda" else None,
        gpu=flow.gate.target.name if flow.gate is not None else gpu,
        sandbox=sandbox,
        versions=versions(version),
        problems=(*flow.problems, *flow.real_problems),
        seeds=(flow.seed,),
        timeout_s=timeout_s,
        started_utc=started.strftime("%Y-%m-%dT%H:%M:%SZ"),
        elapsed_s=time.monotonic() - began,
        times_s=flow.times_s,
    )


class _Flow:
    """One verification under way."""

    def __init__(
        self,
        claim: Claim,
        *,
        target: Target,
        gpu: str | None,
        device: str,
        seed: int,
        timeout_s: float,
        say: Callable[[str], None],
    ) -> None:
        self.claim, self.target, self.gpu, self.device = claim, target, gpu, device
        self.seed, self.timeout_s, self.say = seed, timeout_s, say
        self.problems: tuple[Problem, ...] = ()
        self.real_problems: tuple[Problem, ...] = ()
        self.times_s: dict[str, float] = {}
        self.notes: list[str] = []
        self.gate: Gate | None = None
        self.device_name = "interpreter"
        self._own: Worker | None = None
        self._candidates: list[Worker] = []
        self._reader: Worker | None = None

    @contextlib.contextmanager
    def workers(self) -> Iterator[None]:
        """Start the processes: PyTorch and Triton take seconds to import, which the parent uses to read.

        The candidate has its own, which have run nothing else; reference and original never meet it.
        """
        make = cuda_worker if self.device == "cuda" else interpreter_worker
        with contextlib.ExitStack() as stack:
            self._own = stack.enter_context(make())
            count = 1 if self.device == "cuda" or (os.cpu_count() or 1) < _CORES_FOR_TWO else 2
            self._candidates = [stack.enter_context(make()) for _ in range(count)]
            self._reader = stack.enter_context(interpreter_worker()) if self.device == "cuda" else self._own
            yield

    def run(self) -> Verdict:
        """Read, then run, then conclude."""
        assert self._own is not None
        assert self._reader is not None
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
        call = self._call(self._reader)
        self.problems = small_problems(self.claim.inputs, self.claim.init_arguments)
        began = self._timed("inputs", began)
        if self.device == "cuda":
            self._meet_device([self._own, *self._candidates])
        self.say("running the reference and the original")
        prover = self._prover(self._own)
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
            try:
                check_inputs(found.inputs)
            except ValueError as error:
                what = f"forward takes {error}, for which no values can be made"
                raise SourceError(claim.original.path, None, what, "give tensors and plain numbers") from error
            self.notes += [f"no reference: {sentence}" for sentence in found.assumptions]
            self.claim = replace(claim, inputs=found.inputs, init_arguments=found.init_arguments)
        return call

    def _meet_device(self, workers: Sequence[Worker]) -> None:
        """Make the device's contexts, which takes seconds, and find the target whose peaks bound its times.

        Raises:
            InputError: the device does not work.
        """
        self.say("starting the GPU")
        with ThreadPoolExecutor(len(workers)) as threads:
            # the first worker runs what the user vouches for: what it says of the device comes first
            told = next(iter(list(threads.map(host.warm, workers))))
        self.device_name = told.name
        found: Target | None = self.target
        if self.gpu is None:
            try:
                found = targets.load(told.name)
            except UnknownGpuError:
                found = None
                self.notes.append(f"no time was held against peaks: no {told.name} in the catalog, no --gpu")
        self.gate = None if found is None else Gate(found)
        if self.claim.reference is not None:
            inputs, init = self.claim.inputs, self.claim.init_arguments
            # the reference's answers lie in one process, the candidate's in another
            self.real_problems = real_problems(inputs, init, bytes_available=told.free_bytes // 2)

    def _prover(self, own: Worker) -> Prover:
        claim = self.claim
        return Prover(
            None if claim.original is None else kernel_source(claim.original),
            problems=self.problems,
            precision=claim.precision,
            reference=None if claim.reference is None else claim.reference.text,
            dtypes=claim.dtypes,
            uncompilable_dtypes=claim.uncompilable_dtypes,
            worker=own,
            candidate_worker=self._candidates,
            oracle_worker=self._reader if self.device == "cuda" else None,
            device=self.device,
            real_problems=self.real_problems,
            gate=self.gate,
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
    facts = static_facts(kernel_source(candidate), None if original is None else kernel_source(original))
    return tuple(_static(fact.name, fact.passed, fact.detail) for fact in facts)


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
