"""``tilewright resume``: go on with a run that was cut short."""

from __future__ import annotations

import json
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
    written,
)
from tilewright.cli.consent import consent


def resume(
    run: Annotated[str, typer.Argument(metavar="RUN", help="Its name, a part of it, or `last`.")],
    out: OutOption = None,
    json_path: JsonOption = None,
    certificate_out: CertificateOption = None,
    allow_unsandboxed: AllowOption = False,
    store: StoreOption = None,
) -> int:
    """Go on with a run that was cut short: what it had found out is not found out again.

    Needs neither the input nor the reference: the store holds both. Of a run that is finished, its file is written
    once more. Exit codes are those of `optimize`.
    """
    outputs = Outputs(out=out, json=json_path, certificate=certificate_out)
    outputs.check()
    finished = api.finished_run(run, store=store)
    if finished is not None:
        return _once_more(finished, outputs)
    allowed = consent(allow_unsandboxed)
    return carry_out(lambda on_step: api.resume(run, store=store, allow_unsandboxed=allowed, on_step=on_step), outputs)


def _once_more(finished: api.FinishedRun, outputs: Outputs) -> int:
    """Write what a finished run had come to: it may have been cut short between its end and its files."""
    with written(again=finished.id):
        for path, form in ((outputs.json, finished.form), (outputs.certificate, finished.certificate)):
            if path is not None and form is not None:
                path.write_text(json.dumps(form, indent=2, allow_nan=False) + "\n", encoding="utf-8")
        if outputs.out is None:
            typer.echo(finished.source, nl=False)
        else:
            outputs.out.write_text(finished.source, encoding="utf-8")
    typer.echo(f"run {finished.id} is finished: its file once more", err=True)
    return 3 if finished.undecided else 0
