"""What the commands call: reports on the right stream, or as text or JSON."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tilewright.prove.certificate import render_certificate, verification_form
from tilewright.records.profile import Profile
from tilewright.records.stage import Stage
from tilewright.records.timing import Comparison
from tilewright.records.trial import Inspection, Run
from tilewright.records.verification import Verification
from tilewright.report.bench_info import bench_form, bench_info
from tilewright.report.gpu_info import gpu_info, gpus_info
from tilewright.report.inspection_info import inspection_info
from tilewright.report.json_form import inspection_form, render_json, run_form
from tilewright.report.profile_info import profile_info
from tilewright.report.render import render_text, show
from tilewright.report.run_info import run_info
from tilewright.report.runs_info import runs_form, runs_info
from tilewright.report.verification_info import verification_info
from tilewright.store import RunRow


def show_run(run: Run, *, written_to: Path | None) -> None:
    """Draw a run on stderr; stdout belongs to the code."""
    show(run_info(run, written_to=written_to), stderr=True)


def render_run_text(run: Run, *, width: int = 100, color: bool = False) -> str:
    """A run as text, the same on every machine: nothing that depends on its speed, no paths but the one given."""
    return render_text(run_info(run, machine=False), width=width, color=color)


def write_json(run: Run, path: Path) -> None:
    """Write a run as JSON, in the form of docs/json.md."""
    path.write_text(render_json(run_form(run)), encoding="utf-8")


def show_inspection(inspection: Inspection) -> None:
    """Draw an inspection on stdout: it is the command's result."""
    show(inspection_info(inspection), stderr=False)


def render_inspection_json(inspection: Inspection) -> str:
    """An inspection as JSON, in the form of docs/json.md."""
    return render_json(inspection_form(inspection))


def show_profile(
    inspection: Inspection, profile: Profile | None, *, why: str, stage: Stage | None, written_to: Path | None
) -> None:
    """Draw a profile on stdout: it is the command's result."""
    show(profile_info(inspection, profile, why=why, stage=stage, written_to=written_to), stderr=False)


def show_gpus() -> None:
    """Draw the catalog on stdout."""
    show(gpus_info(), stderr=False)


def show_gpu(name: str) -> None:
    """Draw every number of one GPU, with its source, on stdout.

    Raises:
        UnknownGpuError: no such GPU.
    """
    show(gpu_info(name), stderr=False)


def show_verification(one: Verification) -> None:
    """Draw a verification on stderr; stdout holds the verdict in one line."""
    show(verification_info(one), stderr=True)


def render_verification_text(one: Verification, *, width: int = 100) -> str:
    """A verification as text, the same on every machine: no seconds, no versions."""
    return render_text(verification_info(one, machine=False), width=width)


def write_verification_json(one: Verification, path: Path) -> None:
    """Write a verification as JSON, in the form of docs/json.md."""
    path.write_text(render_json(verification_form(one, texts=False)), encoding="utf-8")


def write_certificate(one: Verification, path: Path) -> None:
    """Write a verification as a certificate, which holds the files' texts."""
    path.write_text(render_certificate(one), encoding="utf-8")


def show_runs(runs: Sequence[RunRow]) -> None:
    """Draw a list of runs on stdout: it is the command's result."""
    show(runs_info(runs), stderr=False)


def render_runs_json(runs: Sequence[RunRow]) -> str:
    """A list of runs as JSON, in the form of docs/json.md."""
    return render_json(runs_form(runs))


def show_comparison(one: Comparison, *, baseline: str, candidate: str) -> None:
    """Draw a comparison on stderr; stdout holds the decision in one line."""
    show(bench_info(one, baseline=baseline, candidate=candidate), stderr=True)


def render_comparison_text(one: Comparison, *, baseline: str, candidate: str, width: int = 100) -> str:
    """A comparison as text."""
    return render_text(bench_info(one, baseline=baseline, candidate=candidate), width=width)


def write_comparison_json(one: Comparison, path: Path, *, baseline: str, candidate: str) -> None:
    """Write a comparison as JSON, in the form of docs/json.md."""
    path.write_text(render_json(bench_form(one, baseline=baseline, candidate=candidate)), encoding="utf-8")
