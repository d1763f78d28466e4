"""``tilewright inspect``: every launch of a file, with what its binary says."""

from __future__ import annotations

from typing import Annotated

import typer

from tilewright import api
from tilewright.report import render_inspection_json, show_inspection


def inspect(
    file: Annotated[str, typer.Argument(metavar="FILE", help="Kernel file or prompt document.")],
    gpu: Annotated[str | None, typer.Option(help="Target GPU; see `tilewright gpus`.")] = None,
    reference: Annotated[str | None, typer.Option(help="KernelBench reference: Model, get_inputs.")] = None,
    inputs: Annotated[str | None, typer.Option(metavar="SPEC", help="Inputs of forward.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON instead of tables.")] = False,
) -> int:
    """Show every launch: grid, warps, registers, spills, shared memory, occupancy, waves, SASS mix, floors."""
    inspection = api.inspect(file, gpu=gpu, reference=reference, inputs=inputs)
    if as_json:
        typer.echo(render_inspection_json(inspection))
    else:
        show_inspection(inspection)
    return 0
