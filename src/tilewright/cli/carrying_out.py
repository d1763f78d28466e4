"""What ``optimize`` and ``resume`` share: run, write the files, and leave something behind when it is cut short."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from tilewright import api
from tilewright.errors import InputError, StoreError
from tilewright.report import progress, show_run, write_certificate, write_json
from tilewright.search.session import OnStep

OutOption = Annotated[Path | None, typer.Option("--out", "-o", help="Write the file here instead of to stdout.")]
JsonOption = Annotated[Path | None, typer.Option("--json", help="Also write everything found here.")]
CertificateOption = Annotated[
    Path | None, typer.Option("--certificate-out", metavar="FILE", help="Also write the proof's certificate here.")
]
AllowOption = Annotated[bool, typer.Option("--allow-unsandboxed", help="Run the files even if nothing confines them.")]
StoreOption = Annotated[
    Path | None, typer.Option("--store", metavar="FILE", help="The store of runs; by default the user's own.")
]
INTERRUPTED = 130


@dataclass(frozen=True, slots=True, kw_only=True)
class Outputs:
    """Where a run's answer goes."""

    out: Path | None
    json: Path | None
    certificate: Path | None

    def check(self) -> None:
        """Fail before the work, not after it.

        Raises:
            InputError: one of them cannot be written.
        """
        for path in (self.out, self.json, self.certificate):
            api.check_writable(path)


def carry_out(work: Callable[[OnStep], api.Optimized], outputs: Outputs) -> int:
    """Do the work, and write and show what came of it; return the exit code.

    Args:
        work: takes who is told each step.
        outputs: where it goes.
    """
    try:
        with progress() as on_step:
            result = work(on_step)
    except api.Interrupted as stop:
        resumable = f"; tilewright resume {stop.run} goes on" if stop.run else ""
        # a file that stdout goes to is an output as OUT is; at a terminal the code would only be in the way
        saved = _saved(stop.best, outputs.out, to_stdout=not sys.stdout.isatty())
        typer.echo(f"tilewright: interrupted{saved}{resumable}", err=True)
        return INTERRUPTED
    except StoreError as error:
        if not error.best:
            raise
        saved = _saved(error.best, outputs.out, to_stdout=True)  # the store may not hold it
        typer.echo(f"tilewright: {error}{saved}", err=True)
        return 2
    with written(again=result.run.id):
        if outputs.json is not None:
            write_json(result.run, outputs.json)
        if outputs.certificate is not None and result.verification is not None:
            write_certificate(result.verification, outputs.certificate)
        if outputs.out is None:
            typer.echo(result.source, nl=False)
        else:
            outputs.out.write_text(result.source, encoding="utf-8")
    show_run(result.run, written_to=outputs.out)
    if result.run.id:
        typer.echo(f"kept as run {result.run.id}", err=True)
    return 3 if result.run.undecided else 0


def _saved(best: str, out: Path | None, *, to_stdout: bool) -> str:
    """Write the best proved file so far, if there is one and a place for it, and say so.

    Args:
        best: its text; empty where nothing was proved.
        out: where it goes.
        to_stdout: whether it goes to stdout where there is no ``out``.
    """
    if not best:
        return "; nothing was proved yet" + (f", {out} is not written" if out is not None else "")
    if out is None:
        if not to_stdout:
            return ""
        typer.echo(best, nl=False)
        return "; the best proved file so far is on stdout"
    try:
        out.write_text(best, encoding="utf-8")
    except OSError:
        typer.echo(best, nl=False)
        return f"; the best proved file so far is on stdout, for {out} cannot be written"
    return f"; the best proved file so far is in {out}"


@contextmanager
def written(*, again: str) -> Iterator[None]:
    """Say what became of a file that cannot be written.

    Args:
        again: the run that holds what would have been written; empty where it was not kept.

    Raises:
        InputError: the system refused to write a file.
    """
    try:
        yield
    except BrokenPipeError:
        raise
    except OSError as error:
        remedy = f"make room, and `tilewright resume {again}` writes it" if again else "make room and run it again"
        what = f"cannot be written: {(error.strerror or type(error).__name__).lower()}"
        raise InputError(f"{error.filename or 'an output'}: {what}; {remedy}") from error
