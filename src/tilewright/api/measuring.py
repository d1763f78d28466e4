"""Run a job on the GPU in this machine."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tilewright import __version__, targets
from tilewright.api.job import Job
from tilewright.api.options import Device
from tilewright.errors import InputError, UnknownGpuError
from tilewright.profiling.here import gpu_name
from tilewright.prove import host
from tilewright.records.source import Request
from tilewright.records.stage import Stage
from tilewright.records.target import Target
from tilewright.records.trial import Run
from tilewright.records.verification import Verification
from tilewright.search import Session
from tilewright.search.measured import GpuWorkbench, Options, optimize_on


def require_gpu() -> None:
    """See that there is something to measure on.

    Raises:
        InputError: no GPU is visible.
    """
    if not host.gpu_is_visible():
        raise InputError("--device cuda: no CUDA device is visible here; use --device none")


def place(device: Device | None, gpu: str | None, target: Target) -> tuple[Device, Target, str]:
    """Where a run takes place, for which target, and a sentence where that is not plain.

    Args:
        device: as the user said; ``None``: on the GPU, if there is one and it is the target.
        gpu: the target as the user, or the prompt document, named it; ``None``: nobody did.
        target: its entry in the catalog, or the default.

    Raises:
        InputError: ``cuda`` was asked for, and there is no GPU, or another one than the target.
    """
    if device is Device.NONE:
        return Device.NONE, target, ""
    if device is Device.CUDA:
        require_gpu()
    elif not host.gpu_is_visible():
        return Device.NONE, target, ""
    name = gpu_name() or ""
    try:
        found = targets.load(name)
    except UnknownGpuError:
        if device is Device.CUDA:
            raise InputError(
                f"--device cuda: the GPU in this machine, {name or 'which does not tell its name'}, is not in the "
                "catalog; add it (docs/gpus.md), or use --device none"
            ) from None
        return Device.NONE, target, f"{name or 'the GPU in this machine'} is not in the catalog: nothing is measured"
    if gpu is None or found.name == target.name:
        return Device.CUDA, found if gpu is None else target, ""
    if device is Device.CUDA:
        raise InputError(
            f"--device cuda measures on the GPU in this machine, {found.title}, and the target is {target.title}; "
            f"pass --gpu {found.name}, or --device none to predict"
        )
    return Device.NONE, target, f"the target is {target.title}, and {found.title} is here: nothing is measured"


def run_on_gpu(
    job: Job,
    request: Request,
    chosen: Sequence[Stage],
    session: Session,
    *,
    confined: str,
    on_run: Callable[[Run], None],
) -> tuple[Run, Verification | None]:
    """Carry a job out on the GPU; the run, and the proof of its answer where that is not the input.

    Raises:
        InputError: the input cannot be used, or the GPU does not work.
    """
    options = Options(precision=job.precision, seed=job.seed, limit_s=job.limit_s, autotune=job.autotune)
    with GpuWorkbench(
        request,
        target=job.target,
        version=__version__,
        precision=job.precision,
        seed=job.seed,
        sandbox=confined,
        allow_unsandboxed=confined.startswith(host.UNCONFINED),
        say=session.say,
    ) as bench:
        run, state = optimize_on(request, stages=chosen, session=session, bench=bench, options=options, on_run=on_run)
    proved = None if run.winner is None else state.verification_of(run.winner.candidate.text)
    return run, proved
