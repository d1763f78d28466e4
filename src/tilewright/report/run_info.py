"""One run as a report: what was read, found, changed, proved and refused, and the conclusion."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from tilewright.records.build import Build
from tilewright.records.finding import Finding
from tilewright.records.launch import Capture, Launch
from tilewright.records.source import Request
from tilewright.records.target import Target
from tilewright.records.trial import Run, Trial
from tilewright.records.verdict import Status
from tilewright.report import words
from tilewright.report.change_info import accepted, change_parts, gains, total
from tilewright.report.kernel_info import kernel_parts
from tilewright.report.measured_info import lost_in_measuring, measured_sections, measured_words
from tilewright.report.proof_info import dtypes, proof_parts
from tilewright.report.section import Line, Part, Point, Report, Section, Tone
from tilewright.search.changes import describe


def run_info(run: Run, *, written_to: Path | None = None, machine: bool = True) -> Report:
    """Everything that ``optimize`` found, in the order in which one asks for it.

    Args:
        run: the finished run.
        written_to: where the output went.
        machine: also say what depends on the speed of this machine: seconds, and how much fitted the proof's time.
    """
    sections = [
        Section(title="READ", about=run.request.source.path, parts=tuple(_read(run))),
        *_found(run),
        *measured_sections(run),
        *_changed(run),
        *_proved(run, machine=machine),
        *_refused(run),
    ]
    return Report(sections=tuple(sections), conclusion=conclusion(run, written_to=written_to, machine=machine))


def conclusion(run: Run, *, written_to: Path | None, machine: bool) -> Line:
    """IMPROVED with the predicted gain and what proves it, or UNCHANGED with the reason."""
    tail = [
        *([f"written to {written_to}"] if written_to is not None else []),
        *([f"{run.elapsed_s:.1f} s"] if machine else []),
        *_compilers(run),
    ]
    if run.winner is None:
        return Line(label="UNCHANGED", text="; ".join([run.reason, *tail]), tone=Tone.BAD)
    said = measured_words(run) or _predicted_gain(run)
    verdict = run.winner.verdict
    proof = "not proved"
    if verdict is not None:
        proof = f"proved by {words.count(len(verdict.checks), 'check')}" if machine else f"proved in {dtypes(verdict)}"
    return Line(label="IMPROVED", text="; ".join([said, proof, *tail]), tone=Tone.GOOD)


def _predicted_gain(run: Run) -> str:
    gain = total(run)
    said = f"{words.ratio(gain)} predicted" if gain else "predicted gain of the whole file unknown"
    return f"{said} (the interval includes 1: measure it)" if gain and not gain.certain else said


def read_lines(
    request: Request, target: Target, capture: Capture, *, stage: str | None = None, by_this_run: bool = False
) -> Iterator[Part]:
    """What was read, and what had to be assumed; metrics are the input's, or were measured ``by_this_run``."""
    source = request.source
    kind = "prompt document" if source.first_line > 1 else "kernel file"
    kernels = words.listed(source.kernels)
    yield Line(label="input", text=f"{kind} with kernel{'' if len(source.kernels) == 1 else 's'} {kernels}")
    yield Line(label="GPU", text=gpu_words(target))
    if stage is not None:
        yield Line(label="stage", text=stage)
    yield Line(label="metrics", text=_metrics_words(request, by_this_run=by_this_run))
    shapes = ", ".join(words.tensor(spec) for spec in capture.inputs) or "no inputs"
    returned = ", ".join(f"{spec.dtype}{list(spec.shape)}" for spec in capture.outputs) or "nothing"
    yield Line(
        label="shapes", text=f"{shapes} -> {returned} ({'assumed' if capture.assumptions else 'given, not assumed'})"
    )
    for sentence in capture.assumptions:
        yield Point(text=sentence)
    if capture.error:
        yield Line(label="stopped", text=f"forward() ended early: {capture.error}", tone=Tone.BAD)
    for index, note in enumerate(request.notes):
        yield Line(label="notes" if index == 0 else "", text=note)


def _metrics_words(request: Request, *, by_this_run: bool) -> str:
    found = words.listed(f"{len(values)} of {kernel}" for kernel, values in request.metrics.items())
    if by_this_run:
        return f"{found} (measured by this run)" if request.metrics else "none could be read"
    return f"{found} (measured)" if request.metrics else "none given: nothing is measured"


def gpu_words(target: Target) -> str:
    """The GPU with the numbers that decide most."""
    capability = ".".join(map(str, target.compute_capability))
    tensor = f", {target.tf32_tflops:g} TF32 TFLOP/s" if target.tf32_tflops else ""
    return (
        f"{target.title} (compute capability {capability}, {target.sm_count} SMs,"
        f" {target.dram_gb_per_s:,.0f} GB/s{tensor}, {target.fp32_tflops:g} FP32 TFLOP/s)"
    )


def kernel_about(launch: Launch, request: Request, launches: Iterable[Launch]) -> str:
    """The kernel's name with where it is launched, and which launch of several this is."""
    line = launch.call_line + request.source.first_line - 1
    ordinals = sorted({one.ordinal for one in launches})
    place = f", launch {ordinals.index(launch.ordinal) + 1} of {len(ordinals)}" if len(ordinals) > 1 else ""
    return f"{launch.kernel}, launched in line {line}{place}"


def _read(run: Run) -> Iterator[Part]:
    yield from read_lines(run.request, run.target, run.capture, stage=run.stage, by_this_run=run.measured is not None)


def _found(run: Run) -> Iterator[Section]:
    for analysis in run.analyses:
        metrics: Mapping[str, float] = run.request.metrics.get(analysis.launch.kernel, {})
        yield Section(
            title="FOUND",
            about=kernel_about(analysis.launch, run.request, (one.launch for one in run.analyses)),
            parts=kernel_parts(analysis, run.target, metrics),
        )
    if run.findings:
        counted = words.count(len(run.findings), "finding")
        yield Section(title="FOUND", about=f"by lint in the input: {counted}", parts=tuple(_findings(run.findings)))


def _findings(findings: Iterable[Finding]) -> Iterator[Part]:
    """Findings that say the same share a line."""
    lines: dict[tuple[str, str, str], list[int]] = {}
    for finding in findings:
        lines.setdefault((finding.code, finding.severity.value, finding.message), []).append(finding.line)
    for (code, severity, message), places in lines.items():
        unique = sorted(set(places))
        label = f"line {unique[0]}" if len(unique) == 1 else f"lines {', '.join(map(str, unique))}"
        yield Line(label=label, text=f"{code} {severity}: {message}")


def _changed(run: Run) -> Iterator[Section]:
    kept = accepted(run)
    for index, trial in enumerate(kept):
        parts = [*change_parts(trial)]
        if index == len(kept) - 1 and run.measured is None:
            parts += _gained(run)
        step = f", step {index + 1} of {len(kept)}" if len(kept) > 1 else ""
        yield Section(title="CHANGED", about=f"{trial.candidate.kernel}{step}", parts=tuple(parts))


def _gained(run: Run) -> Iterator[Line]:
    """What all changes bring together: each changed kernel, and the forward call where it has several launches."""
    for gain in gains(run):
        before, after = (words.predicted_time(one) for one in (gain.before, gain.after))
        which = f" {gain.kernel}," if len(run.analyses) > 1 else ""
        which += " its slowest launch," if gain.launches > 1 else ""
        yield Line(
            label="together", text=f"{which} {before} -> {after} predicted: {words.ratio(gain.comparison)}".strip()
        )
    whole = total(run)
    if whole is not None and len(run.analyses) > 1:
        yield Line(label="forward()", text=f"all launches together {words.ratio(whole)} predicted")


def _proved(run: Run, *, machine: bool) -> Iterator[Section]:
    for trial in accepted(run)[-1:]:
        if trial.verdict is not None:
            status = trial.verdict.status.value.upper()
            device = None if run.measured is None else run.measured.device
            parts = proof_parts(trial.verdict, machine=machine, device=device)
            yield Section(title=status, about="against the input", parts=tuple(parts))


def _refused(run: Run) -> Iterator[Section]:
    lost = [trial for trial in run.trials if trial.verdict is None or trial.verdict.status is not Status.PROVED]
    lost = lost if run.measured is None else [*lost_in_measuring(run)]
    if not lost and not run.refusals:
        return
    parts: list[Part] = []
    for trial in lost:
        parts.append(Point(text=_lost(trial)))
    by_reason: dict[str, list[str]] = {}
    for refusal in run.refusals:
        by_reason.setdefault(refusal.reason, []).append(refusal.what)
    for reason, things in by_reason.items():
        parts.append(Point(text=f"{'; '.join(things)}: {reason}"))
    yield Section(title="REFUSED", about=words.count(len(lost) + len(run.refusals), "thing"), parts=tuple(parts))


def _lost(trial: Trial) -> str:
    schedules = trial.candidate.schedules
    more = f" and {len(schedules) - 1} more" if len(schedules) > 1 else ""
    what = f"{trial.candidate.kernel}: {describe(schedules[0])}{more}" if schedules else trial.candidate.kernel
    verdict = trial.verdict
    return f"{what}: {verdict.status.value}: {verdict.reason}" if verdict else f"{what}: never tried in the prover"


def _compilers(run: Run) -> list[str]:
    versions = sorted({one.build.triton_version for one in run.analyses if isinstance(one.build, Build)})
    return [f"Triton {', '.join(versions)}"] if versions else []
