"""Which of two files is faster, by how much, and how sure that is."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Callable
from dataclasses import replace
from math import isfinite

from tilewright import __version__
from tilewright.api.options import SEED_BITS, Device, choice, kernel_file, read_request
from tilewright.capture import PRELOAD as CAPTURE_PRELOAD
from tilewright.capture import capture
from tilewright.errors import InputError, SourceError, TimingError
from tilewright.prove import host
from tilewright.prove.reference import PRELOAD as REFERENCE_PRELOAD
from tilewright.prove.reference import check_inputs, read_reference, read_reference_file
from tilewright.records.problem import Problem
from tilewright.records.source import Request, TensorSpec
from tilewright.records.target import Target
from tilewright.records.timing import Comparison
from tilewright.records.verification import VerifiedFile
from tilewright.timing import Call, Timer, timing_worker
from tilewright.workers import Worker

SECONDS = 20.0
_READ_LIMIT_S = 60.0
_BY_ITSELF = "run it by itself to see why"


def bench(
    baseline: str,
    candidate: str,
    *,
    reference: str | None = None,
    inputs: str | None = None,
    device: Device | str = Device.CUDA,
    seconds: float = SECONDS,
    seed: int | None = None,
    allow_unsandboxed: bool = False,
    on_step: Callable[[str], None] | None = None,
) -> Comparison:
    """Time two kernel files against each other on the GPU in this machine.

    Whether the candidate computes the same is another question: see :func:`tilewright.verify`.

    Args:
        baseline: kernel file, or prompt document.
        candidate: kernel file, or prompt document.
        reference: KernelBench file whose ``get_inputs`` both are called with; without one the baseline tells shapes.
        inputs: SPEC, as ``A=f32[8192,2048] B=f32[4096,8192]``; wins over all others.
        device: ``cuda``; nothing else has times.
        seconds: for timing, the noise floor included, autotuning not; less where it is clear before.
        seed: of values, parameters and orders; ``None`` takes a fresh one.
        allow_unsandboxed: run the files also where nothing confines them.
        on_step: told what is being done, in a few words.

    Raises:
        InputError: there is no GPU, or a file or an option cannot be used.
    """
    with Bencher(device=device, seed=seed, allow_unsandboxed=allow_unsandboxed, on_step=on_step) as one:
        return one.bench(baseline, candidate, reference=reference, inputs=inputs, seconds=seconds)


class Bencher:
    """Time many pairs of files: one process stays, with what is loaded in it and the noise floors found in it.

    ``with Bencher() as bencher: bencher.bench("a.py", "b.py", reference="reference.py")``.
    """

    def __init__(
        self,
        *,
        device: Device | str = Device.CUDA,
        seed: int | None = None,
        allow_unsandboxed: bool = False,
        on_step: Callable[[str], None] | None = None,
    ) -> None:
        """Make a bencher; its process starts with the first files that can be read, and ends with the ``with`` block.

        Args:
            device: see :func:`bench`, as are all the others.
            seed: see :func:`bench`.
            allow_unsandboxed: see :func:`bench`.
            on_step: see :func:`bench`.

        Raises:
            InputError: there is no GPU, or nothing confines the files.
        """
        if choice(Device, device, "--device") is Device.NONE:
            raise InputError("--device none: only a GPU has times to compare; `tilewright inspect` predicts")
        if not host.gpu_is_visible():
            raise InputError("no CUDA device is visible here, and only a GPU has times to compare; run it on one")
        if seed is not None and not 0 <= seed < 1 << 64:
            raise InputError(f"--seed {seed}: out of range; give a whole number from 0 to 2**64 - 1")
        host.require_confinement(allow_unsandboxed=allow_unsandboxed)
        self._seed = secrets.randbits(SEED_BITS) if seed is None else seed
        self._say = on_step or (lambda step: None)
        self._stack = contextlib.ExitStack()
        self._calls: dict[tuple[str, str | None, tuple[TensorSpec, ...]], tuple[Call, tuple[str, ...]]] = {}
        self._timer: tuple[Call, Timer] | None = None
        self._worker: Worker | None = None

    def __enter__(self) -> Bencher:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def bench(
        self,
        baseline: str,
        candidate: str,
        *,
        reference: str | None = None,
        inputs: str | None = None,
        seconds: float = SECONDS,
    ) -> Comparison:
        """Time two kernel files against each other; see :func:`bench`."""
        if not (isfinite(seconds) and seconds > 0):
            raise InputError(f"--seconds {seconds:g}: no time to time anything; give seconds above 0")
        self._say("reading both files")
        request, target = read_request(baseline, gpu=None, metrics=None, reference=reference, inputs=inputs)
        first, second = kernel_file(baseline), kernel_file(candidate)
        given = None if request.reference_path is None else read_reference_file(request.reference_path)
        if self._worker is None:
            # importing PyTorch takes seconds, in which another process is asked for the inputs
            self._worker = self._stack.enter_context(timing_worker(Device.CUDA.value))
        call, notes = self._call(request, given, target)
        if self._timer is None or self._timer[0] != call:
            self._timer = call, Timer(call, seed=self._seed, worker=self._worker, say=self._say)
        try:
            found = self._timer[1].compare(first.text, second.text, limit_s=seconds)
        except TimingError as error:
            raise _unusable(error, first, second) from error
        versions = {"tilewright": __version__, **found.versions}
        return replace(found, versions=versions, notes=(*notes, *found.notes))

    def _call(self, request: Request, reference: VerifiedFile | None, target: Target) -> tuple[Call, tuple[str, ...]]:
        """What both files are called with, and what is to be said of it; never told by the candidate."""
        key = (request.source.text, None if reference is None else reference.text, request.inputs)
        if key not in self._calls:
            self._say("asking for the inputs")
            self._calls[key] = self._ask(request, reference, target)
        return self._calls[key]

    def _ask(self, request: Request, reference: VerifiedFile | None, target: Target) -> tuple[Call, tuple[str, ...]]:
        if reference is not None:
            with Worker(preload=REFERENCE_PRELOAD) as reader:
                told = read_reference(reference, worker=reader, target=target, timeout_s=_READ_LIMIT_S)
            specs = request.inputs or told.inputs
            called = Call(problem=Problem(inputs=specs, init_arguments=told.init_arguments), reference=reference.text)
            return called, (_said(specs, "of the reference's get_inputs()"),)
        with Worker(preload=CAPTURE_PRELOAD) as reader:
            found = capture(
                request.source, target=target, worker=reader, inputs=request.inputs, timeout_s=_READ_LIMIT_S
            )
        try:
            check_inputs(found.inputs)
        except ValueError as error:
            what = f"forward takes {error}, for which no values can be made"
            raise SourceError(request.source.path, None, what, "give tensors and plain numbers") from error
        assumed = (f"no reference: {sentence}" for sentence in found.assumptions)
        called = Call(problem=Problem(inputs=found.inputs, init_arguments=found.init_arguments))
        return called, (_said(found.inputs, "uniform in [0, 1)"), *assumed)


def _said(specs: tuple[TensorSpec, ...], values: str) -> str:
    said = (spec.name if spec.dtype == "python" else f"{spec.name} {spec.dtype}{list(spec.shape)}" for spec in specs)
    return f"inputs: {', '.join(said) or 'none'}; values {values}"


def _unusable(error: TimingError, baseline: VerifiedFile, candidate: VerifiedFile) -> InputError:
    """The error in words that name the file, and the line where it is known."""
    file = {"baseline": baseline, "candidate": candidate}.get(error.file)
    if file is None:
        both = f"{baseline.path} and {candidate.path}"
        return InputError(f"{both}: timed together they fail: {error.what}; run each by itself to see why")
    line = None if error.line is None else error.line + file.first_line - 1
    return SourceError(file.path, line, f"cannot be timed: {error.what}", _BY_ITSELF)
