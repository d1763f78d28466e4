"""What a profiler measures of a file's kernels, and what it means."""

from __future__ import annotations

import json
import math
import secrets
from dataclasses import dataclass, replace
from pathlib import Path

from tilewright import profiling, search, stages, targets
from tilewright.api.options import DEFAULT_STAGE, SEED_BITS, read_request
from tilewright.capture import capture
from tilewright.errors import InputError, UnknownGpuError
from tilewright.profiling.here import gpu_name
from tilewright.prove import host
from tilewright.records.launch import Capture
from tilewright.records.problem import Problem
from tilewright.records.profile import Diagnosis, Profile
from tilewright.records.source import Request
from tilewright.records.stage import Stage
from tilewright.records.target import Target
from tilewright.records.trial import Inspection
from tilewright.search.analyse import analyse
from tilewright.search.session import OnStep

_LIMIT_S = 300.0
_NO_GPU = "no GPU is visible here, so that nothing is measured; give --metrics to read what was measured elsewhere"


@dataclass(frozen=True, slots=True, kw_only=True)
class Profiled:
    """What ``profile`` returns."""

    inspection: Inspection
    """Every launch with its binary, its prediction, and what binds it by all that is known."""
    profile: Profile | None
    """What was measured; ``None`` where nothing was."""
    stage: Stage | None
    """Whose metrics were asked for; ``None``: those that a whole run is looked at with."""
    why: str = ""
    """Why no counters were read, and what to do about it; empty where they were."""

    @property
    def diagnoses(self) -> tuple[Diagnosis, ...]:
        """Of the kernels, the one that took longest first."""
        from tilewright.cost import slowest_first

        found = [one.diagnosis for one in self.inspection.analyses if one.diagnosis is not None]
        return slowest_first(found, {} if self.profile is None else self.profile.times_ns)

    @property
    def metrics_json(self) -> str:
        """The metrics in the form that ``--metrics`` and prompt documents take; empty where there are none."""
        if self.profile is None or not self.profile.metrics:
            return ""
        return json.dumps({kernel: dict(values) for kernel, values in self.profile.metrics.items()}, indent=2) + "\n"


def profile(
    path: str,
    *,
    reference: str | None = None,
    stage: str | None = None,
    metrics: str | None = None,
    gpu: str | None = None,
    inputs: str | None = None,
    seed: int | None = None,
    timeout_s: float = _LIMIT_S,
    keep: str | None = None,
    allow_unsandboxed: bool = False,
    on_step: OnStep | None = None,
) -> Profiled:
    """Measure the kernels of one forward call, and say what binds each.

    Args:
        path: kernel file, or prompt document.
        reference: KernelBench reference file: the inputs, their values, and what the model is made with.
        stage: a stage's name: its metrics are asked for; ``None`` asks for those that a whole run is looked at with.
        metrics: a file to read instead of measuring: JSON, ``ncu --csv`` in either layout, or ``.ncu-rep``.
        gpu: name in the catalog; ``None`` takes the GPU of this machine.
        inputs: SPEC, as ``A=f32[8192,2048] B=f32[4096,8192]``.
        seed: of inputs and parameters; ``None`` takes a fresh one.
        timeout_s: seconds that the profiler may take.
        keep: folder for the profiler's own report.
        allow_unsandboxed: run the file also where nothing confines it.
        on_step: told what is being done, in a few words.

    Raises:
        InputError: the input cannot be used. That no counters can be read here is none: ``Profiled.why`` says it.
    """
    _check(timeout_s, keep)
    host.require_confinement(allow_unsandboxed=allow_unsandboxed)
    live = metrics is None and host.gpu_is_visible()
    request, target = _read(path, gpu, metrics, reference, inputs, live=live)
    wanted = stages.get(stage or request.stage or DEFAULT_STAGE) if stage or request.stage else None
    with search.Session(target, on_step=on_step) as session:
        found = _captured(request, target, session)
        measured, why = None, "" if request.metrics else _NO_GPU
        if request.metrics:
            measured = _given(request, metrics)
        elif live:
            profiler = profiling.Profiler(
                Problem(inputs=found.inputs, init_arguments=found.init_arguments, label="as stated"),
                request.reference_path,
                target=target,
                seed=secrets.randbits(SEED_BITS) if seed is None else seed,
                say=session.say,
                allow_unsandboxed=allow_unsandboxed,
                keep=None if keep is None else Path(keep),
            )
            measured, why = _measured(profiler, request, found, wanted, target, timeout_s)
        values = {} if measured is None else measured.metrics
        analysed = analyse(found, session, metrics=values, stage=wanted or stages.get(DEFAULT_STAGE))
    analyses = tuple(one.analysis for one in analysed)
    inspected = Inspection(request=replace(request, metrics=values), target=target, capture=found, analyses=analyses)
    return Profiled(inspection=inspected, profile=measured, stage=wanted, why=why)


def _check(timeout_s: float, keep: str | None) -> None:
    if not (math.isfinite(timeout_s) and timeout_s > 0):
        raise InputError(f"--timeout {timeout_s:g}: no time to profile anything; give seconds above 0")
    if keep is not None and not Path(keep).is_dir():
        raise InputError(f"--keep {keep}: no such folder; make it first")


def _read(
    path: str, gpu: str | None, metrics: str | None, reference: str | None, inputs: str | None, *, live: bool
) -> tuple[Request, Target]:
    """The request, for the machine's own GPU where one is measured on: counters of another would be its own."""
    here = gpu_name() if live else None
    if here is None:
        return read_request(path, gpu=gpu, metrics=metrics, reference=reference, inputs=inputs)
    try:
        own = targets.load(here)
    except UnknownGpuError:
        request, target = read_request(path, gpu=gpu, metrics=metrics, reference=reference, inputs=inputs)
        said = f"this machine's GPU, {here}, is not in the catalog: {target.title} is assumed for all that is predicted"
        return replace(request, metrics={}, notes=(*request.notes, said)), target
    if gpu is not None and targets.load(gpu).name != own.name:
        what = f"--gpu {gpu}: the GPU of this machine is {here}"
        raise InputError(f"{what}; leave --gpu away, or give --metrics that were measured on the other")
    request, target = read_request(path, gpu=own.name, metrics=metrics, reference=reference, inputs=inputs)
    # what a document says was measured elsewhere, or before
    return replace(request, metrics={}), target


def _captured(request: Request, target: Target, session: search.Session) -> Capture:
    return capture(
        request.source,
        target=target,
        worker=session.capture_worker,
        inputs=request.inputs,
        reference=request.reference_path,
        grid_sizes=profiling.grid_sizes(request.metrics),
    )


def _given(request: Request, metrics: str | None) -> Profile:
    """What the user handed in, with its origin."""
    if metrics is not None:
        return profiling.read_metrics(metrics, request.source.kernels)
    return profiling.metrics_from_mapping(request.metrics, request.source.kernels, origin=request.source.path)


def _measured(
    profiler: profiling.Profiler,
    request: Request,
    found: Capture,
    stage: Stage | None,
    target: Target,
    limit_s: float,
) -> tuple[Profile | None, str]:
    """The counters; or the times alone, or nothing, with the reason."""
    if found.error:
        return None, f"forward() ends early, so that nothing was profiled: {found.error}"
    names = profiling.metrics_of(stage, target)
    try:
        return profiler.profile(request.source, metrics=names, limit_s=limit_s), ""
    except profiling.ProfilerError as error:
        why = str(error)
        if not profiler.unavailable:
            return None, why
    try:
        return profiler.times(request.source, limit_s=limit_s), why
    except profiling.ProfilerError as error:
        return None, f"{why}; and {error}"
