"""Runs and inspections as JSON. The keys are documented in docs/json.md; SCHEMA changes when one of them does."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from enum import Enum
from math import isfinite

from tilewright.cost import Comparison
from tilewright.prove.certificate import verdict_form
from tilewright.prove.physics import contraction_operations, peaks_of
from tilewright.records.algorithm import Contraction
from tilewright.records.build import Build, BuildFailure
from tilewright.records.estimate import Estimate
from tilewright.records.finding import Finding
from tilewright.records.launch import Capture, ScalarArgument, TensorArgument
from tilewright.records.schedule import Schedule
from tilewright.records.source import Request, TensorSpec
from tilewright.records.target import Target
from tilewright.records.trial import Change, Inspection, KernelAnalysis, Run, Trial
from tilewright.report import algorithm_words, words
from tilewright.report.change_info import accepted, gains, total
from tilewright.report.measured_form import comparison_form, diagnosis_form, measurement_form, screening_form

SCHEMA = 1
Form = dict[str, object]


def run_form(run: Run) -> Form:
    """A run, without its texts."""
    kept = accepted(run)
    whole = total(run)
    return {
        "schema": SCHEMA,
        "kind": "run",
        **_read(run.request, run.target, run.capture),
        "stage": run.stage,
        "kernels": [_analysis(one) for one in run.analyses],
        "findings": [_finding(one) for one in run.findings],
        "result": "unchanged" if run.winner is None else "improved",
        "reason": run.reason,
        "speedup": None if whole is None else _comparison(whole),
        "gains": [
            {
                "kernel": gain.kernel,
                "before_us": gain.before.time_us,
                "after_us": gain.after.time_us,
                "speedup": _comparison(gain.comparison),
            }
            for gain in gains(run)
        ],
        "trials": [_trial(one, accepted=one in kept) for one in run.trials],
        "refusals": [{"what": one.what, "reason": one.reason} for one in run.refusals],
        "measurement": None if run.measured is None else measurement_form(run.measured),
        "precision": run.precision,
        "elapsed_s": run.elapsed_s,
    }


def inspection_form(inspection: Inspection) -> Form:
    """An inspection, without its texts."""
    return {
        "schema": SCHEMA,
        "kind": "inspection",
        **_read(inspection.request, inspection.target, inspection.capture),
        "kernels": [_analysis(one) for one in inspection.analyses],
    }


def render_json(form: Form) -> str:
    """The form as text; what is not finite becomes null."""
    return json.dumps(_finite(form), indent=2, allow_nan=False) + "\n"


def _finite(value: object) -> object:
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


def _read(request: Request, target: Target, capture: Capture) -> Form:
    return {
        "input": {
            "path": request.source.path,
            "first_line": request.source.first_line,
            "kernels": request.source.kernels,
            "notes": request.notes,
        },
        "gpu": {
            "name": target.name,
            "title": target.title,
            "compute_capability": ".".join(map(str, target.compute_capability)),
            "sm_count": target.sm_count,
            "dram_gb_per_s": target.dram_gb_per_s,
            "peak_tflops": peaks_of(target),
        },
        "measured": request.metrics,
        "inputs": [_tensor(spec) for spec in capture.inputs],
        "outputs": [_tensor(spec) for spec in capture.outputs],
        "assumptions": capture.assumptions,
        "capture_error": capture.error or None,
    }


def _tensor(spec: TensorSpec) -> Form:
    return {"name": spec.name, "dtype": spec.dtype, "shape": spec.shape, "strides": spec.strides}


def _analysis(one: KernelAnalysis) -> Form:
    launch, diagnosis = one.launch, one.diagnosis
    return {
        "kernel": launch.kernel,
        "ordinal": launch.ordinal,
        "call_line": launch.call_line,
        "grid": launch.grid,
        "num_warps": launch.num_warps,
        "num_stages": launch.num_stages,
        "configuration": launch.configuration,
        "arguments": [_argument(argument) for argument in launch.arguments],
        "algorithm": {
            "family": type(one.algorithm).__name__.lower(),
            "equation": algorithm_words.equation(one.algorithm),
            "operands": algorithm_words.operands(one.algorithm, launch),
            "extents": algorithm_words.lengths(one.algorithm, launch),
            "operations": _operations(one),
        },
        "schedule": None if one.schedule is None else _schedule(one.schedule),
        "build": _build(one.build),
        "estimate": None if one.estimate is None else estimate_form(one.estimate),
        "diagnosis": None if diagnosis is None else diagnosis_form(diagnosis),
    }


def _operations(one: KernelAnalysis) -> Mapping[str, float]:
    """Unit to operations of the Algorithm, padding left out; empty where they are not known."""
    sizes = algorithm_words.lengths(one.algorithm, one.launch)
    if not isinstance(one.algorithm, Contraction) or not {"m", "n", "k", *one.algorithm.batch_axes} <= sizes.keys():
        return {}
    return contraction_operations(one.algorithm, sizes)


def _argument(argument: object) -> Form:
    kind = type(argument).__name__.removesuffix("Argument").lower()
    name = getattr(argument, "parameter", "")
    form: Form = {"parameter": name, "kind": kind, "dtype": None, "value": None, "shape": None, "strides": None}
    if isinstance(argument, TensorArgument):
        form |= {"dtype": argument.dtype, "shape": argument.shape, "strides": argument.strides}
    elif isinstance(argument, ScalarArgument):
        form |= {"dtype": argument.dtype, "value": argument.value}
    else:
        form |= {"value": getattr(argument, "value", None)}
    return form


def _schedule(schedule: Schedule) -> Form:
    return {name: getattr(schedule, name) for name in Schedule.__dataclass_fields__}


def _build(build: Build | BuildFailure) -> Form:
    if isinstance(build, BuildFailure):
        return {"built": False, "failure": build.kind, "message": build.message}
    return {
        "built": True,
        "registers_per_thread": build.registers_per_thread,
        "spill_bytes": build.spill_bytes,
        "shared_bytes": build.shared_bytes,
        "num_warps": build.num_warps,
        "num_stages": build.num_stages,
        "loop_instructions": build.mix.loop,
        "loop_mnemonics": build.mix.loop_modifiers,
        "outside_instructions": build.mix.outside,
        "triton_version": build.triton_version,
        "ptxas_version": build.ptxas_version,
        "content_hash": build.content_hash,
        "provenance": "binary",
    }


def estimate_form(one: Estimate) -> Form:
    """An estimate with its provenance."""
    return {
        "provenance": one.provenance,
        "time_us": one.time_us,
        "low_us": one.low_us,
        "high_us": one.high_us,
        "binds": one.binds,
        "floors_us": one.floors_us,
        "programs": one.waves.programs,
        "programs_per_sm": one.occupancy.programs_per_sm,
        "warps_per_sm": one.occupancy.warps_per_sm,
        "occupancy_fraction": one.occupancy.fraction,
        "occupancy_limited_by": one.occupancy.limited_by,
        "occupancy_limits": one.occupancy.limits,
        "waves": one.waves.waves,
        "wave_efficiency_fraction": one.waves.efficiency,
        "dram_bytes": one.traffic.dram_bytes,
        "minimum_dram_bytes": one.traffic.minimum_dram_bytes,
        "l2_bytes": one.traffic.l2_bytes,
        "l2_hit_fraction": one.traffic.l2_hit_fraction,
        "shared_traffic_bytes": one.traffic.shared_bytes,
    }


def _comparison(one: Comparison) -> Form:
    return {
        "ratio": one.ratio,
        "low": one.low,
        "high": one.high,
        "certain": one.certain,
        "provenance": "predicted",
    }


def _trial(trial: Trial, *, accepted: bool) -> Form:
    candidate = trial.candidate
    return {
        "kernel": candidate.kernel,
        "stage": trial.stage,
        "accepted": accepted,
        "text_sha256": hashlib.sha256(candidate.text.encode()).hexdigest(),
        "changes": [_change(change) for change in candidate.changes],
        "schedules": [_schedule(schedule) for schedule in candidate.schedules],
        "builds": [_build(build) for build in trial.builds],
        "estimate": None if trial.estimate is None else estimate_form(trial.estimate),
        "entry_estimates": [estimate_form(one) for one in trial.entry_estimates],
        "findings": [_finding(finding) for finding in trial.findings],
        "verdict": None if trial.verdict is None else verdict_form(trial.verdict),
        "screening": None if trial.screening is None else screening_form(trial.screening),
        "comparison": None if trial.comparison is None else comparison_form(trial.comparison),
        "at_s": trial.at_s,
        "elsewhere": [*trial.elsewhere],
    }


def _change(change: Change) -> Form:
    value = change.predicted_ratio
    return {
        "field": change.field,
        "before": change.before,
        "after": change.after,
        "reason": change.reason,
        "speedup_alone": None if not value or not isfinite(value) else _comparison(words.widened(value)),
    }


def _finding(finding: Finding) -> Form:
    names = ("path", "line", "column", "code", "rule", "severity", "message", "fixable")
    return {name: getattr(finding, name) for name in names}
