"""``tilewright profile``: what a profiler measures of a file's kernels, and what binds them."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tilewright import api
from tilewright.cli.consent import consent
from tilewright.report import progress, show_profile


def profile(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Kernel file or prompt document.")],
    reference: Annotated[str | None, typer.Option(help="KernelBench reference: Model, get_inputs.")] = None,
    stage: Annotated[str | None, typer.Option(help="Ask for this stage's metrics.")] = None,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the metrics here, as JSON.")] = None,
    metrics: Annotated[
        str | None, typer.Option(help="Read these instead of measuring: JSON, `ncu --csv` or .ncu-rep.")
    ] = None,
    gpu: Annotated[str | None, typer.Option(help="Target GPU; by default this machine's.")] = None,
    inputs: Annotated[str | None, typer.Option(metavar="SPEC", help="Inputs of forward.")] = None,
    timeout: Annotated[float, typer.Option(metavar="SECONDS", help="For the profiler.")] = 300.0,
    keep: Annotated[str | None, typer.Option(metavar="FOLDER", help="Keep the profiler's own report here.")] = None,
    allow_unsandboxed: Annotated[
        bool, typer.Option("--allow-unsandboxed", help="Run the file even if nothing confines it.")
    ] = False,
) -> int:
    """Measure the kernels of one forward call with Nsight Compute, and say what binds each.

    Without Nsight Compute, or without permission for counters, it says what an administrator can do, and goes on with
    times, the binary and predictions, each labelled. Exit 0: done. 2: unusable input. 3: `-o` was given, and there are
    no counters to write; the file is not made.
    """
    api.check_writable(out)
    allowed = consent(allow_unsandboxed)
    with progress() as on_step:
        found = api.profile(
            file,
            reference=reference,
            stage=stage,
            metrics=metrics,
            gpu=gpu,
            inputs=inputs,
            timeout_s=timeout,
            keep=keep,
            allow_unsandboxed=allowed,
            on_step=on_step,
        )
    written = out if out is not None and not found.why else None
    if written is not None:
        written.write_text(found.metrics_json, encoding="utf-8")
    show_profile(found.inspection, found.profile, why=found.why, stage=found.stage, written_to=written)
    return 3 if out is not None and written is None else 0
