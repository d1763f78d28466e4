"""Verify candidates, one or many, with processes that stay."""

from __future__ import annotations

import contextlib
import os
import secrets
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from tilewright import targets
from tilewright.capture import PRELOAD as CAPTURE_PRELOAD
from tilewright.capture import capture
from tilewright.errors import InputError, ReferenceFileError, SourceError, UnknownGpuError
from tilewright.prove import host
from tilewright.prove.physics_gate import Gate
from tilewright.prove.problems import AS_STATED, real_problems, small_problems
from tilewright.prove.prover import Prover, cuda_worker, interpreter_worker
from tilewright.prove.reference import ReferenceCall, check_inputs, read_reference
from tilewright.prove.stock import Stock, only_numbers
from tilewright.prove.verification import evidence, kernel_source, static_checks, versions
from tilewright.records.problem import Problem
from tilewright.records.target import Target
from tilewright.records.verdict import Status, Verdict
from tilewright.records.verification import Claim, Verification
from tilewright.workers import Worker

_REFERENCE_LIMIT_S = 60.0
_MOST_WORKERS, _CORES_A_WORKER = 8, 2
_SEED_BITS = 63
_MEMORY_FRACTION = 0.7


@dataclass(frozen=True, slots=True, kw_only=True)
class _Prepared:
    """A reference and an original that have run, for all candidates that are held against them."""

    claim: Claim
    prover: Prover
    call: ReferenceCall | None
    problems: tuple[Problem, ...]
    notes: tuple[str, ...]


class Verifier:
    """Processes for verifications, and what was run of references and originals.

    Reference and original run in a process that no candidate meets. A candidate's processes serve another candidate
    only if nothing was seen of it but numbers, right or wrong.
    """

    def __init__(
        self,
        *,
        target: Target,
        version: str,
        gpu: str | None = None,
        device: str = "none",
        sandbox: str = host.UNCONFINED,
        large: bool = False,
        many: bool = False,
        workers: int | None = None,
        memory_fraction: float = _MEMORY_FRACTION,
        architecture: int | None = None,
        operations_of: Callable[..., Mapping[str, float]] | None = None,
        say: Callable[[str], None] = lambda step: None,
    ) -> None:
        """Make a verifier; its processes start with the ``with`` block.

        Args:
            target: the GPU that ``torch.cuda`` answers for where there is none.
            version: of Tilewright itself.
            gpu: name of the target that measured times are held against; ``None``: that of the device.
            device: ``none`` runs everything in Triton's interpreter, ``cuda`` on the GPU.
            sandbox: what confines the workers, in words.
            large: whether to run shapes of more than 2^31 elements too, where the device's memory allows.
            many: whether to have fresh processes ready for a next candidate.
            workers: processes that share one candidate's calls; ``None``: as many as the processors suggest.
            memory_fraction: part of the GPU's memory that each of a candidate's processes may take.
            architecture: capability to compile for on the GPU, as 89; ``None``: the device's own.
            operations_of: counts what a candidate's own kernels do, by unit, for times on a GPU; given the claim, the
                target and a ``worker`` for the candidate's wrapper.
            say: told what is being done.
        """
        self._operations_of = operations_of
        self._target, self._version, self._gpu, self._device = target, version, gpu, device
        self._sandbox, self._large, self._many, self._say = sandbox, large, many, say
        self._fraction, self._architecture = memory_fraction, architecture
        self._group = workers or max(1, min(_MOST_WORKERS, (os.cpu_count() or 1) // _CORES_A_WORKER))
        self._stack = contextlib.ExitStack()
        self._prepared: dict[Any, _Prepared] = {}
        self._met: host.Device | None = None
        self._gate: Gate | None = None
        self._counting: Worker | None = None
        self._parts: Mapping[str, object] = {}

    @property
    def parts(self) -> Mapping[str, object]:
        """Where the seconds of the latest candidate that ran went: stages, and each worker's cases."""
        return self._parts

    def __enter__(self) -> Verifier:
        # Importing PyTorch and Triton takes seconds, which the parent uses to read
        cuda = self._device == "cuda"
        self._own = self._stack.enter_context(cuda_worker(self._architecture) if cuda else interpreter_worker())
        self._reader = self._stack.enter_context(interpreter_worker()) if cuda else self._own
        self._stock = Stock(
            self._device,
            group=self._group,
            ahead=self._many,
            memory_fraction=self._fraction,
            architecture=self._architecture,
        )
        self._stack.callback(self._stock.close)
        # what holds memory accesses against bounds beside a GPU
        self._interpreters = Stock("none", group=1, ahead=self._many) if cuda else None
        if self._interpreters is not None:
            self._stack.callback(self._interpreters.close)
        self._stack.callback(self._end_counting)
        if cuda and self._operations_of is not None:
            self._counting = Worker(preload=CAPTURE_PRELOAD)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def device_name(self) -> str:
        """The GPU's name as its driver gives it; empty before it has started, and without one."""
        return "" if self._met is None else self._met.name

    def prepare(self, claim: Claim, *, seed: int | None, timeout_s: float = 60.0) -> None:
        """Run the claim's reference and original now, so that its first candidate need not wait for them.

        Nothing of this verifier runs any more when it returns, until a candidate comes.

        Raises:
            InputError: one of them cannot be used.
        """
        self._start()
        self._prepare(claim, seed, timeout_s, _Times())
        self._stock.take()

    def verify(self, claim: Claim, *, seed: int | None = None, timeout_s: float = 60.0) -> Verification:
        """Verify a candidate against a reference, an original, or both.

        Args:
            claim: the files, and how to compare them.
            seed: of inputs and parameters; ``None``: a fresh one that nobody could know.
            timeout_s: seconds for all runs of one file.

        Raises:
            InputError: a file cannot be used, or there is nothing to verify against.
        """
        if claim.reference is None and claim.original is None:
            raise InputError("nothing to verify against: give a reference, an original, or both")
        began, started, times = time.monotonic(), datetime.now(UTC), _Times()
        self._say("reading the source")
        static = static_checks(claim.candidate, claim.original)
        times.end("static")
        failed = [check for check in static if not check.passed]
        if failed:
            given = secrets.randbits(_SEED_BITS) if seed is None else seed
            verdict = Verdict(
                status=Status.REFUTED,
                checks=static,
                reason=f"{failed[0].name}: {failed[0].detail}",
                unchecked=("nothing was run: the source alone refutes it",),
                seed=given,
            )
            problems: tuple[Problem, ...] = ()
        else:
            self._start()
            prepared = self._prepare(claim, seed, timeout_s, times)
            self._say("running the candidate")
            verdict = self._run(prepared, claim, timeout_s)
            times.end("candidate")
            claim, problems = replace(prepared.claim, candidate=claim.candidate), prepared.problems
            verdict = replace(
                verdict,
                checks=(*static, *verdict.checks),
                unchecked=(*prepared.notes, *verdict.unchecked),
            )
        return Verification(
            claim=claim,
            verdict=replace(verdict, elapsed_s=sum(times.seconds.values())),
            evidence=evidence(verdict),
            device="interpreter" if self._met is None else self._met.name,
            driver=host.driver_version() if self._device == "cuda" else None,
            architecture=None if self._met is None else self._met.architecture,
            gpu=self._gate.target.name if self._gate is not None else self._gpu,
            sandbox=self._sandbox,
            versions=versions(self._version),
            problems=problems,
            seeds=(verdict.seed,),
            timeout_s=timeout_s,
            started_utc=started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            elapsed_s=time.monotonic() - began,
            times_s=times.seconds,
        )

    def _run(self, prepared: _Prepared, claim: Claim, timeout_s: float) -> Verdict:
        workers = self._stock.take()
        interpreter = None if self._interpreters is None else self._interpreters.take()[0]
        operations = self._count(replace(prepared.claim, candidate=claim.candidate))
        try:
            verdict = prepared.prover.prove(
                kernel_source(claim.candidate),
                workers=workers,
                timeout_s=timeout_s,
                operations=operations,
                interpreter=interpreter,
            )
        except BaseException:
            self._discard()
            raise
        self._parts = prepared.prover.parts
        if not only_numbers(verdict):
            self._discard()
        _blame_reference(claim, prepared.call, verdict)
        return verdict

    def _start(self) -> None:
        """Begin to start the processes of the next candidate."""
        self._stock.start()
        if self._interpreters is not None:
            self._interpreters.start()

    def _discard(self) -> None:
        """End the processes that a candidate ran in, if it may have left something behind."""
        self._stock.discard()
        if self._interpreters is not None:
            self._interpreters.discard()
        if self._counting is not None:
            self._end_counting()
            self._counting = Worker(preload=CAPTURE_PRELOAD)

    def _end_counting(self) -> None:
        counting, self._counting = self._counting, None
        if counting is not None:
            counting.close()

    def _count(self, claim: Claim) -> Callable[[], Mapping[str, float]]:
        """Begin to count the candidate's operations; what is returned waits for the answer."""
        if self._gate is None or self._operations_of is None:
            return dict
        thread = ThreadPoolExecutor(1, thread_name_prefix="tilewright-operations")
        coming = thread.submit(self._operations_of, claim, self._gate.target, worker=self._counting)
        thread.shutdown(wait=False)
        return coming.result

    def _prepare(self, claim: Claim, seed: int | None, timeout_s: float, times: _Times) -> _Prepared:
        """Run reference and original, or find that they have run."""
        key = (claim.reference, claim.original, claim.precision, claim.inputs, claim.init_arguments, claim.dtypes, seed)
        if key in self._prepared:
            return self._prepared[key]
        self._say("asking for the inputs")
        notes: list[str] = []
        claim, call = self._inputs(claim, timeout_s, notes)
        small = small_problems(claim.inputs, claim.init_arguments)
        times.end("inputs")
        real: tuple[Problem, ...] = ()
        if self._device == "cuda":
            device = self._meet_device(notes)
            if claim.reference is not None:
                # the reference's answers lie in one process, the candidate's in another
                room = device.free_bytes // 2 if self._large else None
                real = real_problems(claim.inputs, claim.init_arguments, bytes_available=room)
        self._say("running the reference and the original")
        prover = Prover(
            None if claim.original is None else kernel_source(claim.original),
            problems=small,
            precision=claim.precision,
            reference=None if claim.reference is None else claim.reference.text,
            dtypes=claim.dtypes,
            uncompilable_dtypes=claim.uncompilable_dtypes,
            worker=self._own,
            oracle_worker=self._reader if self._device == "cuda" else None,
            device=self._device,
            real_problems=real,
            stated=Problem(inputs=claim.inputs, init_arguments=claim.init_arguments, label=AS_STATED),
            gate=self._gate,
            seed=secrets.randbits(_SEED_BITS) if seed is None else seed,
            timeout_s=max(timeout_s, _REFERENCE_LIMIT_S),
        )
        times.end("baseline")
        prepared = _Prepared(claim=claim, prover=prover, call=call, problems=(*small, *real), notes=tuple(notes))
        self._prepared[key] = prepared
        return prepared

    def _inputs(self, claim: Claim, timeout_s: float, notes: list[str]) -> tuple[Claim, ReferenceCall | None]:
        """Fill in the claim's inputs: never from the candidate."""
        if claim.reference is not None:
            limit_s = max(timeout_s, _REFERENCE_LIMIT_S)
            call = read_reference(claim.reference, worker=self._reader, target=self._target, timeout_s=limit_s)
            if not claim.inputs:
                return replace(claim, inputs=call.inputs, init_arguments=call.init_arguments), call
            if (claim.inputs, claim.init_arguments) != (call.inputs, call.init_arguments):
                notes.append("inputs are those that were given, not those of the reference's get_inputs()")
            return claim, call
        if claim.inputs:
            return claim, None
        assert claim.original is not None
        with Worker(preload=CAPTURE_PRELOAD) as capturing:
            found = capture(kernel_source(claim.original), target=self._target, worker=capturing, timeout_s=timeout_s)
        try:
            check_inputs(found.inputs)
        except ValueError as error:
            what = f"forward takes {error}, for which no values can be made"
            raise SourceError(claim.original.path, None, what, "give tensors and plain numbers") from error
        notes += [f"no reference: {sentence}" for sentence in found.assumptions]
        return replace(claim, inputs=found.inputs, init_arguments=found.init_arguments), None

    def _meet_device(self, notes: list[str]) -> host.Device:
        """Make the device's context, and find the target whose peaks bound its times.

        Raises:
            InputError: the device does not work.
        """
        if self._met is None:
            self._say("starting the GPU")
            self._met = host.warm(self._own)
            found: Target | None = self._target
            if self._gpu is None:
                try:
                    found = targets.load(self._met.name)
                except UnknownGpuError:
                    found = None
            self._gate = None if found is None else Gate(found)
        if self._gate is None:
            notes.append(f"no time was held against peaks: no {self._met.name} in the catalog, no --gpu")
        return self._met


class _Times:
    """Seconds of each part."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}
        self._began = time.monotonic()

    def end(self, part: str) -> None:
        """``part`` ends here, and the next one begins."""
        now = time.monotonic()
        self.seconds[part] = now - self._began
        self._began = now


def _blame_reference(claim: Claim, call: ReferenceCall | None, verdict: Verdict) -> None:
    """A reference whose forward raises on its own inputs, whatever their size, proves nothing about anybody."""
    reference = claim.reference
    if call is None or reference is None or not call.forward_error or verdict.checks:
        return
    if any(call.forward_error in sentence for sentence in (verdict.reason, *verdict.unchecked)):
        what = f"Model.forward raises {call.forward_error}"
        raise ReferenceFileError(reference.path, call.line, what, "it must run on what get_inputs() returns")
