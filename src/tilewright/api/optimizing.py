"""The fastest file that can be proved right."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass

from tilewright import __version__, search, stages
from tilewright.api.options import DEFAULT_STAGE, SEED_BITS, Device, Precision, choice, read_request
from tilewright.errors import InputError
from tilewright.prove import host
from tilewright.records.trial import Run
from tilewright.records.verification import Verification


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
    wanted_precision = choice(Precision, precision, "--precision")
    if choice(Device, device, "--device") is Device.CUDA:
        raise InputError("--device cuda: this version does not measure; use --device none")
    confined = host.require_confinement(allow_unsandboxed=allow_unsandboxed)
    request, target = read_request(path, gpu=gpu, metrics=metrics, reference=reference, inputs=inputs)
    wanted = stage or request.stage or DEFAULT_STAGE
    given = secrets.randbits(SEED_BITS) if seed is None else seed
    chosen = stages.all_stages() if wanted == "all" else (stages.get(wanted),)
    with search.Session(target, on_step=on_step) as session:
        run = search.optimize(request, stages=chosen, session=session, precision=wanted_precision.value, seed=given)
    text = run.winner.candidate.text if run.winner else request.source.text
    proved = search.verification_of(run, sandbox=confined, version=__version__)
    return Optimized(source=text, run=run, verification=proved)
