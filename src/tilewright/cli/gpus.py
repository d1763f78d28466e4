"""``tilewright gpus``: the catalog of targets."""

from __future__ import annotations

from typing import Annotated

import typer

from tilewright.report import show_gpu, show_gpus


def gpus(
    name: Annotated[str | None, typer.Argument(metavar="[NAME]", help="One GPU, with every number's source.")] = None,
) -> int:
    """List the GPUs that code can be built and estimated for."""
    if name is None:
        show_gpus()
    else:
        show_gpu(name)
    return 0
