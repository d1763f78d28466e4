"""``tilewright report``: what a run found, for people."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from tilewright import api
from tilewright.store import LAST

_MARKDOWN = {".md", ".markdown"}


def report(
    run: Annotated[
        str, typer.Argument(metavar="[RUN]", help="A kept run, or a file that `optimize --json` wrote; else the last.")
    ] = LAST,
    out: Annotated[Path | None, typer.Option("--out", "-o", help="Write here instead of to stdout.")] = None,
    output_format: Annotated[
        api.ReportFormat | None, typer.Option("--format", help="Else as OUT ends: .md is Markdown.")
    ] = None,
    store: Annotated[Path | None, typer.Option("--store", metavar="FILE", help="The file that keeps the runs.")] = None,
) -> int:
    """Write what a run found as one HTML page that needs no network, or as Markdown for a pull request."""
    api.check_writable(out)
    by_name = api.ReportFormat.MARKDOWN if out is not None and out.suffix in _MARKDOWN else api.ReportFormat.HTML
    text = api.render_report(run, output_format=output_format or by_name, store=store)
    if out is None:
        typer.echo(text, nl=False)
    else:
        out.write_text(text, encoding="utf-8")
    return 0
