"""``tilewright optimize``: the fastest file that can be proved right."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tilewright import api
from tilewright.cli.carrying_out import (
    AllowOption,
    CertificateOption,
    JsonOption,
    OutOption,
    Outputs,
    StoreOption,
    carry_out,
)
from tilewright.cli.consent import consent
from tilewright.errors import InputError
from tilewright.store import Store


def optimize(
    input_path: Annotated[str, typer.Argument(metavar="INPUT", help="Kernel file (.py) or prompt document.")],
    out: OutOption = None,
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
        api.Device | None,
        typer.Option(help="`cuda` measures, `none` predicts; the GPU here is used if it is the target, unless told."),
    ] = None,
    limit_s: Annotated[
        float, typer.Option("--limit", metavar="SECONDS", help="What a run that measures may take.")
    ] = api.DEFAULT_LIMIT_S,
    autotune: Annotated[
        bool, typer.Option("--autotune", help="Emit the fastest few as an autotune list, if the run measures.")
    ] = False,
    json_path: JsonOption = None,
    certificate_out: CertificateOption = None,
    allow_unsandboxed: AllowOption = False,
    store: StoreOption = None,
    no_store: Annotated[bool, typer.Option("--no-store", help="Keep nothing: the run cannot be resumed.")] = False,
) -> int:
    """Write the fastest file that can be proved right, and say why on stderr.

    Exit 0: the output is valid, improved or unchanged with the reason. 2: unusable input.
    3: nothing could be proved; the output is the input, unchanged. An unchanged input has no certificate.
    130: Ctrl-C; the best proved file so far is in OUT, and `tilewright resume` goes on.
    """
    outputs = Outputs(out=out, json=json_path, certificate=certificate_out)
    outputs.check()
    allowed = consent(allow_unsandboxed)
    kept = _store(store, no_store)
    return carry_out(
        lambda on_step: api.optimize(
            input_path,
            gpu=gpu,
            stage=stage,
            metrics=metrics,
            reference=reference,
            inputs=inputs,
            precision=precision,
            device=device,
            limit_s=limit_s,
            autotune=autotune,
            allow_unsandboxed=allowed,
            store=kept,
            on_step=on_step,
        ),
        outputs,
    )


def _store(store: Path | None, no_store: bool) -> Path | None:
    if no_store and store is not None:
        raise InputError("--store with --no-store: leave one of them away")
    return None if no_store else store or Store.default_path()
