"""What the commands call, for Python users: optimize, verify, verify_certificate, inspect, lint_file, fix_file.

Every function takes a path as the command line does, and raises the errors of :mod:`tilewright.errors`.
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from math import isfinite
from pathlib import Path
from typing import TypeVar

from tilewright import __version__, lint, profiling, search, source, stages, targets
from tilewright.capture import capture
from tilewright.errors import InputError, MetricsError
from tilewright.prove import host, verifier
from tilewright.prove.certificate import read_certificate
from tilewright.prove.reference import read_reference_file, verified_file
from tilewright.records.finding import Finding
from tilewright.records.source import Request
from tilewright.records.target import Target
from tilewright.records.trial import Inspection, Run
from tilewright.records.verification import Claim, Verification, VerifiedFile
from tilewright.search.analyse import analyse
from tilewright.search.operations import operations_of

DEFAULT_GPU = "rtx4090"
DEFAULT_STAGE = "grid_and_parallel"
_SEED_BITS = 63
_Choice = TypeVar("_Choice", bound=StrEnum)


class Precision(StrEnum):
    """What a candidate's error against float64 may be."""

    SAME = "same"
    NO_WORSE = "no-worse"
    TOLERANCE = "tolerance"


class Device(StrEnum):
    """Where candidates are measured."""

    CUDA = "cuda"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimized:
    """What ``optimize`` returns: the file, and everything that was found out on the way."""

    source: str
    """The output file: the winner, or the input's own text."""
    run: Run
    verification: Verification | None = None
    """What was proved of the output against the input, for a certificate; ``None`` where they are the same."""

    @property
    def improved(self) -> bool:
        """Whether the file is another than the input."""
        return self.run.winner is not None


def optimize(
    path: str,
    *,
    gpu: str | None = None,
    stage: str | None = None,
    metrics: str | None = None,
    reference: str | None = None,
    inputs: str | None = None,
    precision: Precision | str = Precision.NO_WORSE,
    device: Device | str = Device.NONE,
    seed: int | None = None,
    allow_unsandboxed: bool = False,
    on_step: Callable[[str], None] | None = None,
) -> Optimized:
    """Return the fastest file that can be proved right, or the input with the reason why nothing better was found.

    Args:
        path: kernel file, or prompt document.
        gpu: name in the catalog; wins over a document's.
        stage: a stage's name, or ``all``.
        metrics: Nsight Compute metrics: JSON, or its CSV.
        reference: KernelBench reference file.
        inputs: SPEC, as ``A=f32[8192,2048] B=f32[4096,8192]``.
        precision: see :class:`Precision`.
        device: ``none``; this version predicts and proves without a GPU.
        seed: of the inputs that proofs are made on; ``None`` takes a fresh one.
        allow_unsandboxed: run the file and its candidates also where nothing confines them.
        on_step: told what is being done, in a few words, for whoever waits.

    Raises:
        InputError: the input cannot be used.
    """
    wanted_precision = _choice(Precision, precision, "--precision")
    if _choice(Device, device, "--device") is Device.CUDA:
        raise InputError("--device cuda: this version does not measure; use --device none")
    confined = host.require_confinement(allow_unsandboxed=allow_unsandboxed)
    request, target = _request(path, gpu=gpu, metrics=metrics, reference=reference, inputs=inputs)
    wanted = stage or request.stage or DEFAULT_STAGE
    given = secrets.randbits(_SEED_BITS) if seed is None else seed
    chosen = stages.all_stages() if wanted == "all" else (stages.get(wanted),)
    with search.Session(target, on_step=on_step) as session:
        run = search.optimize(request, stages=chosen, session=session, precision=wanted_precision.value, seed=given)
    text = run.winner.candidate.text if run.winner else request.source.text
    proved = search.verification_of(run, sandbox=confined, version=__version__)
    return Optimized(source=text, run=run, verification=proved)


def verify(
    candidate: str,
    *,
    reference: str | None = None,
    original: str | None = None,
    gpu: str | None = None,
    device: Device | str = Device.NONE,
    precision: Precision | str = Precision.NO_WORSE,
    seed: int | None = None,
    timeout_s: float = 60.0,
    large: bool = False,
    allow_unsandboxed: bool = False,
    on_step: Callable[[str], None] | None = None,
) -> Verification:
    """Find out whether a candidate computes what a reference, or an original, computes.

    Args:
        candidate: kernel file, or prompt document.
        reference: KernelBench file with ``Model``, ``get_inputs`` and ``get_init_inputs``: the oracle, in float64.
        original: the kernel file whose error bounds the candidate's; without one, the reference in its own dtype.
        gpu: name in the catalog of the GPU whose peaks a time is held against.
        device: ``none`` runs everything in Triton's interpreter at small sizes; ``cuda`` also on the GPU.
        precision: see :class:`Precision`.
        seed: of inputs and parameters; ``None`` takes a fresh one that the candidate's author cannot know.
        timeout_s: seconds that all runs of one file may take.
        large: on a GPU, run shapes of more than 2^31 elements too, where its memory allows.
        allow_unsandboxed: run the files also where nothing confines them.
        on_step: told what is being done, in a few words.

    Raises:
        InputError: a file, or an option, cannot be used.
    """
    claim = _claim(candidate, reference, original, precision)
    return _verify(claim, gpu, device, seed, timeout_s, large, allow_unsandboxed, on_step)


def verify_certificate(
    path: str,
    *,
    candidate: str | None = None,
    gpu: str | None = None,
    device: Device | str = Device.NONE,
    seed: int | None = None,
    timeout_s: float | None = None,
    large: bool = False,
    allow_unsandboxed: bool = False,
    on_step: Callable[[str], None] | None = None,
) -> Verification:
    """Repeat what a certificate says, from the files in it, on this machine.

    Args:
        path: the certificate.
        candidate: the file that it is to be about; its text must be the certificate's.
        gpu: see :func:`verify`.
        device: see :func:`verify`.
        seed: ``None`` takes the certificate's.
        timeout_s: ``None`` takes the certificate's.
        large: see :func:`verify`.
        allow_unsandboxed: see :func:`verify`.
        on_step: see :func:`verify`.

    Raises:
        InputError: the certificate was changed or cannot be read, or is about another candidate.
    """
    given = None if candidate is None else _kernel_file(candidate)
    found = read_certificate(path, candidate=given)
    for file in (found.claim.candidate, found.claim.original):
        if file is not None:
            source.read_kernel_file(file.path, file.text, file.first_line)
    seed, timeout_s = found.seed if seed is None else seed, found.timeout_s if timeout_s is None else timeout_s
    return _verify(found.claim, gpu, device, seed, timeout_s, large, allow_unsandboxed, on_step)


def inspect(
    path: str, *, gpu: str | None = None, reference: str | None = None, inputs: str | None = None
) -> Inspection:
    """Return every launch of a file, built for the target, with what binds it."""
    request, target = _request(path, gpu=gpu, metrics=None, reference=reference, inputs=inputs)
    stage = stages.get(request.stage or DEFAULT_STAGE)
    with search.Session(target) as session:
        found = capture(
            request.source,
            target=target,
            worker=session.capture_worker,
            inputs=request.inputs,
            reference=request.reference_path,
            grid_sizes=profiling.grid_sizes(request.metrics),
        )
        analysed = analyse(found, session, metrics=request.metrics, stage=stage)
    return Inspection(request=request, target=target, capture=found, analyses=tuple(one.analysis for one in analysed))


def lint_file(path: str, *, inputs: str | None = None, gpu: str | None = None) -> tuple[Finding, ...]:
    """Return what is wrong with a file; with ``inputs``, also what its launches with those shapes show."""
    if inputs is None:
        return lint.check(source.read_request(path).source)
    request, target = _request(path, gpu=gpu, metrics=None, reference=None, inputs=inputs)
    with search.Session(target) as session:
        found = capture(request.source, target=target, worker=session.capture_worker, inputs=request.inputs)
    return lint.check(request.source, found.launches)


def fix_file(path: str) -> tuple[str, tuple[Finding, ...]]:
    """Return the file with the safe fixes applied, and what they were."""
    return lint.fix(source.read_text(path))


def check_writable(path: Path | None) -> None:
    """Fail before the work, not after it, when an output cannot be written.

    Raises:
        InputError: the folder does not exist or the file cannot be written.
    """
    if path is None:
        return
    folder = path.parent
    if not folder.is_dir():
        raise InputError(f"{path}: the folder {folder} does not exist; make it first")
    if path.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise InputError(f"{path}: cannot be written; name a file in a folder of yours")


class Verifier:
    """Verify many candidates: processes stay warm, and a reference runs once.

    ``with Verifier() as verifier: verifier.verify("kernel.py", reference="reference.py")``. A candidate's processes
    serve another one only if nothing was seen of it but numbers, right or wrong; :func:`verify` never shares any.
    """

    def __init__(
        self,
        *,
        gpu: str | None = None,
        device: Device | str = Device.NONE,
        allow_unsandboxed: bool = False,
        large: bool = False,
        many: bool = True,
        workers: int | None = None,
        memory_fraction: float = 0.7,
        on_step: Callable[[str], None] | None = None,
    ) -> None:
        """Make a verifier; its processes start with the ``with`` block.

        Args:
            gpu: see :func:`verify`, as are all the others.
            device: see :func:`verify`.
            allow_unsandboxed: see :func:`verify`.
            large: see :func:`verify`.
            many: whether to keep fresh processes ready for the next candidate.
            workers: processes that share one candidate's calls; ``None``: one for every two processors, six at most.
            memory_fraction: part of a GPU's memory that each of a candidate's processes may take.
            on_step: see :func:`verify`.

        Raises:
            InputError: an option cannot be used here.
        """
        where = _choice(Device, device, "--device")
        target = targets.load(gpu or DEFAULT_GPU)
        if where is Device.CUDA and not host.gpu_is_visible():
            raise InputError("--device cuda: no CUDA device is visible here; use --device none")
        self._verifier = verifier.Verifier(
            target=target,
            version=__version__,
            gpu=None if gpu is None else target.name,
            device=where.value,
            sandbox=host.require_confinement(allow_unsandboxed=allow_unsandboxed),
            large=large,
            many=many,
            workers=workers,
            memory_fraction=memory_fraction,
            operations_of=operations_of,
            say=on_step or (lambda step: None),
        )

    def __enter__(self) -> Verifier:
        self._verifier.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._verifier.__exit__()

    def verify(
        self,
        candidate: str,
        *,
        reference: str | None = None,
        original: str | None = None,
        precision: Precision | str = Precision.NO_WORSE,
        seed: int | None = None,
        timeout_s: float = 60.0,
    ) -> Verification:
        """Find out whether a candidate computes what a reference, or an original, computes; see :func:`verify`."""
        return self.verify_claim(_claim(candidate, reference, original, precision), seed=seed, timeout_s=timeout_s)

    def verify_claim(self, claim: Claim, *, seed: int | None, timeout_s: float) -> Verification:
        """Verify files that have been read."""
        if not (isfinite(timeout_s) and timeout_s > 0):
            raise InputError(f"--timeout {timeout_s:g}: no time to run anything; give seconds above 0")
        if seed is not None and not 0 <= seed < 1 << 64:
            raise InputError(f"--seed {seed}: out of range; give a whole number from 0 to 2**64 - 1")
        return self._verifier.verify(claim, seed=seed, timeout_s=timeout_s)


def _claim(candidate: str, reference: str | None, original: str | None, precision: Precision | str) -> Claim:
    wanted = _choice(Precision, precision, "--precision")
    if reference is None and original is None:
        raise InputError("nothing to verify against; give --reference, --original or both")
    return Claim(
        candidate=_kernel_file(candidate),
        reference=None if reference is None else read_reference_file(reference),
        original=None if original is None else _kernel_file(original),
        precision=wanted.value,
    )


def _verify(
    claim: Claim,
    gpu: str | None,
    device: Device | str,
    seed: int | None,
    timeout_s: float,
    large: bool,
    allow_unsandboxed: bool,
    on_step: Callable[[str], None] | None,
) -> Verification:
    one = Verifier(
        gpu=gpu, device=device, allow_unsandboxed=allow_unsandboxed, large=large, many=False, on_step=on_step
    )
    with one:
        return one.verify_claim(claim, seed=seed, timeout_s=timeout_s)


def _kernel_file(path: str) -> VerifiedFile:
    found = source.read_request(path).source
    return verified_file(found.path, found.text, found.first_line)


def _choice(choices: type[_Choice], value: str, option: str) -> _Choice:
    try:
        return choices(value)
    except ValueError:
        known = ", ".join(choices)
        raise InputError(f"{option} {str(value)!r}: no such choice; use one of {known}") from None


def _request(
    path: str, *, gpu: str | None, metrics: str | None, reference: str | None, inputs: str | None
) -> tuple[Request, Target]:
    """Read INPUT, let the command line win over it, and load its target."""
    request = source.read_request(path)
    changes: dict[str, object] = {}
    if inputs is not None:
        changes["inputs"] = source.parse_inputs(inputs)
    if reference is not None:
        changes["reference_path"] = reference
    if metrics is not None:
        changes["metrics"] = _known_metrics(metrics, request)
    request = replace(request, **changes)  # type: ignore[arg-type]
    name = gpu or request.gpu or DEFAULT_GPU
    # A document's numbers describe the GPU it names: with another --gpu they would describe nothing.
    same = gpu is None or request.gpu is None or targets.load(gpu).name == targets.load(request.gpu).name
    overrides = request.target_overrides if same else {}
    notes = list(request.notes)
    if gpu is None and request.gpu is None:
        notes.append(f"no GPU named: {targets.load(DEFAULT_GPU).title} assumed")
    notes += targets.differences(targets.load(name), overrides)
    if not same:
        notes.append(f"--gpu {gpu} wins over the document's {request.gpu}, whose numbers are left aside")
    return replace(request, gpu=name, notes=tuple(notes)), targets.load(name, overrides)


def _known_metrics(path: str, request: Request) -> Mapping[str, Mapping[str, float]]:
    profile = profiling.read_metrics(path, request.source.kernels)
    if not profile.metrics:
        raise MetricsError(path, None, "holds no metrics", 'write {"kernel": {"metric": number}}')
    return profile.metrics
