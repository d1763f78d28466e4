"""``tilewright bench``: which of two files is faster."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from tilewright import api
from tilewright.cli.consent import consent
from tilewright.report import comparison_line, progress, show_comparison, write_comparison_json

_Baseline = Annotated[str, typer.Argument(metavar="A", help="The baseline: kernel file (.py) or prompt document.")]
_Candidate = Annotated[str, typer.Argument(metavar="B", help="The candidate: kernel file (.py) or prompt document.")]
_Inputs = Annotated[str | None, typer.Option(metavar="SPEC", help="Inputs, as A=f32[8192,2048] B=f32[4096,8192].")]
_Seconds = Annotated[float, typer.Option(help="For timing; loading and autotuning come on top.")]
_Seed = Annotated[int | None, typer.Option(help="Of values and orders; a fresh one unless given.")]
_Json = Annotated[Path | None, typer.Option("--json", help="Also write everything measured here.")]
_Allow = Annotated[bool, typer.Option("--allow-unsandboxed", help="Run the files even if nothing confines them.")]


def bench(
    baseline: _Baseline,
    candidate: _Candidate,
    reference: Annotated[str | None, typer.Option(help="KernelBench reference: get_inputs.")] = None,
    inputs: _Inputs = None,
    device: Annotated[api.Device, typer.Option(help="`cuda`; nothing else has times.")] = api.Device.CUDA,
    seconds: _Seconds = api.SECONDS,
    seed: _Seed = None,
    json_path: _Json = None,
    allow_unsandboxed: _Allow = False,
) -> int:
    """Time B against A on the GPU in this machine, until it is clear which is faster or the time is up.

    Writes the decision (faster, slower, same, ambiguous) with the ratio of times, A over B, and its 95 % interval on
    stdout, and the report on stderr. Does not check that B computes what A computes: `tilewright verify` does.
    Exit 0: timed, whatever the decision. 2: unusable input.
    """
    api.check_writable(json_path)
    with progress() as on_step:
        found = api.bench(
            baseline,
            candidate,
            reference=reference,
            inputs=inputs,
            device=device,
            seconds=seconds,
            seed=seed,
            allow_unsandboxed=consent(allow_unsandboxed),
            on_step=on_step,
        )
    if json_path is not None:
        write_comparison_json(found, json_path, baseline=baseline, candidate=candidate)
    typer.echo(comparison_line(found))
    sys.stdout.flush()
    show_comparison(found, baseline=baseline, candidate=candidate)
    return 0
