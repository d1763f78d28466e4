"""``tilewright optimize``: the fastest file that can be proved right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tilewright import api
from tilewright.cli.consent import consent
from tilewright.report import progress, show_run, write_certificate, write_json


def optimize(
    input_path: Annotated[str, typer.Argument(metavar="INPUT", help="Kernel file (.py) or prompt document.")],
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write the file here instead of to stdout.")] = None,
    gpu: Annotated[str | None, typer.Option(help="Target GPU; see `tilewright gpus`.")] = None,
    stage: Annotated[str | None, typer.Option(help="Optimization stage, or `all`.")] = None,
    metrics: Annotated[str | None, typer.Option(help="Nsight Compute metrics: JSON or --csv output.")] = None,
    reference: Annotated[str | None, typer.Option(help="KernelBench reference: Model, get_inputs.")] = None,
    inputs: Annotated[
        str | None, typer.Option(metavar="SPEC", help='Inputs of forward, as "A=f32[8192,2048] B=f32[4096,8192]".')
    ] = None,
    precision: Annotated[
        api.Precision, typer.Option(help="What the candidate's error may be, against the input's.")
    ] = api.Precision.NO_WORSE,
    device: Annotated[
        api.Device, typer.Option(help="`none` predicts and proves with no GPU; `cuda` measures.")
    ] = api.Device.NONE,
    json_path: Annotated[Path | None, typer.Option("--json", help="Also write everything found here.")] = None,
    certificate_out: Annotated[
        Path | None, typer.Option("--certificate-out", metavar="FILE", help="Also write the proof's certificate here.")
    ] = None,
    allow_unsandboxed: Annotated[
        bool, typer.Option("--allow-unsandboxed", help="Run the files even if nothing confines them.")
    ] = False,
) -> int:
    """Write the fastest file that can be proved right, and say why on stderr.

    Exit 0: the output is valid, improved or unchanged with the reason. 2: unusable input.
    3: nothing could be proved; the output is the input, unchanged. An unchanged input has no certificate.
    """
    api.check_writable(out)
    api.check_writable(json_path)
    api.check_writable(certificate_out)
    allowed = consent(allow_unsandboxed)
    with progress() as on_step:
        result = api.optimize(
            input_path,
            gpu=gpu,
            stage=stage,
            metrics=metrics,
            reference=reference,
            inputs=inputs,
            precision=precision,
            device=device,
            allow_unsandboxed=allowed,
            on_step=on_step,
        )
    if json_path is not None:
        write_json(result.run, json_path)
    if certificate_out is not None and result.verification is not None:
        write_certificate(result.verification, certificate_out)
    if out is None:
        typer.echo(result.source, nl=False)
    else:
        out.write_text(result.source, encoding="utf-8")
    show_run(result.run, written_to=out)
    return 3 if result.run.undecided else 0
