"""``tilewright runs``: every run that was kept."""

from __future__ import annotations

from typing import Annotated

import typer

from tilewright import api
from tilewright.cli.carrying_out import StoreOption
from tilewright.report import render_runs_json, show_runs


def runs(
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON instead of a table.")] = False,
    store: StoreOption = None,
) -> int:
    """List the runs that were kept, newest first: what they were about, how far they came, what they found."""
    found = api.runs(store=store)
    if as_json:
        typer.echo(render_runs_json(found), nl=False)
    else:
        show_runs(found)
    return 0
