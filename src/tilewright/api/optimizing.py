"""The fastest file that can be proved right."""

from __future__ import annotations

import contextlib
import os
import secrets
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any

from tilewright import __version__, search, stages
from tilewright.api.given import Given, reference_path, spec_of
from tilewright.api.job import Job, kept_document, kept_request, with_its_reference
from tilewright.api.measuring import place, require_gpu, run_on_gpu
from tilewright.api.options import DEFAULT_STAGE, SEED_BITS, Device, Precision, choice, read_request, with_note
from tilewright.api.reporting import Format, render_document
from tilewright.errors import InputError, StoreError
from tilewright.prove import host
from tilewright.prove.reference import read_reference_file
from tilewright.prove.verification import versions
from tilewright.records.source import Request
from tilewright.records.target import Target
from tilewright.records.trial import Run
from tilewright.records.verification import Verification
from tilewright.report import Speedup, optimized_frame, speedup_of
from tilewright.report.change_info import total
from tilewright.report.measured_info import measured_words
from tilewright.report.words import ratio as predicted_words
from tilewright.search.measured.options import DEFAULT_LIMIT_S
from tilewright.search.session import OnStep
from tilewright.store import NullLog, Store


@dataclass(frozen=True, slots=True, kw_only=True)
class Optimized:
    """What ``optimize`` returns: the file, and everything that was found out on the way."""

    source: str
    """The output file: the winner, or the input's own text."""
    run: Run
    verification: Verification | None = None
    """What was proved of the output against the input, for a certificate; ``None`` where they are the same."""
    document: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """Everything that was found out, as JSON values: see "Run" and "Kept run" in docs/json.md."""

    @property
    def speedup(self) -> Speedup | None:
        """The input's time over the output's, measured where it was; ``None`` where they are the same or not known."""
        return speedup_of(self.run)

    def report(self, output_format: Format | str = Format.HTML) -> str:
        """The run as one HTML file that needs no network, or as ``markdown``."""
        return render_document(self.document, output_format)

    def _repr_html_(self) -> str:
        """What a notebook shows: the page in a frame."""
        return optimized_frame(self.document)

    def _repr_markdown_(self) -> str:
        """What a notebook without HTML shows."""
        return self.report(Format.MARKDOWN)

    @property
    def improved(self) -> bool:
        """Whether the file is another than the input."""
        return self.run.winner is not None


class Interrupted(KeyboardInterrupt):
    """Ctrl-C in a run.

    Attributes:
        run: its name in the store, by which :func:`resume` goes on with it; empty where it is not kept.
        best: the best proved file so far; empty where nothing was proved yet.
    """

    def __init__(self, run: str, best: str) -> None:
        super().__init__(run, best)
        self.run, self.best = run, best


def optimize(
    model_new: Given,
    reference: Given | None = None,
    inputs: str | Sequence[Any] | None = None,
    *,
    gpu: str | None = None,
    stage: str | None = None,
    metrics: str | None = None,
    precision: Precision | str = Precision.NO_WORSE,
    device: Device | str | None = None,
    limit_s: float = DEFAULT_LIMIT_S,
    autotune: bool = False,
    seed: int | None = None,
    allow_unsandboxed: bool = False,
    store: str | os.PathLike[str] | None = None,
    on_step: OnStep | None = None,
    on_run: Callable[[Run], None] | None = None,
) -> Optimized:
    """Return the fastest file that can be proved right, or the input with the reason why nothing better was found.

    Args:
        model_new: kernel file, or prompt document: its path, its text, or a class or module that stands in it.
        reference: KernelBench reference file, in the same ways.
        inputs: SPEC, as ``A=f32[8192,2048] B=f32[4096,8192]``, or forward's arguments themselves.
        gpu: name in the catalog; wins over a document's.
        stage: a stage's name, or ``all``; unless told, what the document says, else all of them where it measures.
        metrics: Nsight Compute metrics: JSON, or its CSV.
        precision: see :class:`Precision`.
        device: ``cuda`` proves, times and profiles on the GPU in this machine; ``none`` predicts, and proves in the
            interpreter; ``None`` takes the GPU where there is one and it is the target.
        limit_s: seconds that a measured run may take; a predicted one takes what it needs.
        autotune: a measured run emits its finalists as an autotune list instead of the winner alone.
        seed: of the inputs that proofs are made on; ``None`` takes a fresh one.
        allow_unsandboxed: run the file and its candidates also where nothing confines them.
        store: file that keeps the run, so that it can be resumed; ``None`` keeps nothing.
        on_step: told what is being done, in a few words, for whoever waits.
        on_run: told the run as far as it has come: after the input was read, and after each verdict.

    Raises:
        InputError: the input, or the store, cannot be used. A StoreError in the middle of a run holds the best file.
        Interrupted: somebody pressed Ctrl-C.
    """
    wanted, asked = choice(Precision, precision, "--precision"), _device(device)
    if not (isfinite(limit_s) and limit_s > 0):
        raise InputError(f"--limit {limit_s:g}: no time to measure anything; give seconds above 0")
    confined = host.require_confinement(allow_unsandboxed=allow_unsandboxed)
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="tilewright-")))
        found, spec = reference_path(reference, folder), spec_of(inputs)
        request, target = read_request(model_new, gpu=gpu, metrics=metrics, reference=found, inputs=spec)
        where, target, note = place(asked, request.gpu, target)
        request = with_note(request, note, measured=where is Device.CUDA)
        job = replace(_job(request, target, stage, wanted, where, seed), limit_s=limit_s, autotune=autotune)
        log = NullLog()
        if store is not None:
            log = stack.enter_context(Store(Path(store)).begin(kept_request(job), versions=versions(__version__)))
        return carry_out(job, log, confined=confined, on_step=on_step, on_run=on_run)


def _device(device: Device | str | None) -> Device | None:
    if device is None:
        return None
    found = choice(Device, device, "--device")
    if found is Device.CUDA:
        require_gpu()
    return found


def _job(
    request: Request, target: Target, stage: str | None, precision: Precision, device: Device, seed: int | None
) -> Job:
    wanted = stage or request.stage or ("all" if device is Device.CUDA else DEFAULT_STAGE)
    if wanted != "all":
        stages.get(wanted)
    return Job(
        request=request,
        target=target,
        stage=wanted,
        precision=precision.value,
        device=device.value,
        seed=secrets.randbits(SEED_BITS) if seed is None else seed,
        reference=None if request.reference_path is None else read_reference_file(request.reference_path).text,
        folder=str(Path.cwd()),
    )


def carry_out(
    job: Job,
    log: NullLog,
    *,
    confined: str,
    on_step: OnStep | None,
    on_run: Callable[[Run], None] | None,
) -> Optimized:
    """Run a job to its end, from the beginning or from what its log knows.

    Raises:
        InputError, Interrupted: see :func:`optimize`.
    """
    best = ""

    def told(run: Run) -> None:
        nonlocal best
        if run.winner is not None and run.winner.candidate.text != best:
            best = run.winner.candidate.text
            log.best(best, _gain(run))
        log.document(kept_document(run, log))
        if on_run is not None:
            on_run(run)

    chosen = stages.all_stages() if job.stage == "all" else (stages.get(job.stage),)
    try:
        with with_its_reference(job) as request:
            measures = job.device == Device.CUDA
            with search.Session(job.target, on_step=on_step, log=log, interprets=not measures) as session:
                if measures:
                    run, proved = run_on_gpu(job, request, chosen, session, confined=confined, on_run=told)
                else:
                    run = search.optimize(
                        request, stages=chosen, session=session, precision=job.precision, seed=job.seed, on_run=told
                    )
                    proved = search.verification_of(run, sandbox=confined, version=__version__)
        document = kept_document(run, log, proved)
        log.finish(document)
    except StoreError as error:
        raise StoreError(error.place, error.what, error.remedy, best) from error
    except InputError:
        log.withdraw()
        raise
    except KeyboardInterrupt:
        raise Interrupted(log.id, best) from None
    text = run.winner.candidate.text if run.winner else request.source.text
    return Optimized(source=text, run=run, verification=proved, document=document)


def _gain(run: Run) -> str:
    """The gain of the best file so far, never without its interval."""
    if run.measured is not None:
        return measured_words(run) or "proved, and faster than the input where it was timed; not confirmed"
    gain = total(run)
    return "proved, gain unknown" if gain is None else f"{predicted_words(gain)} predicted"
