"""Entry point of the ``tilewright`` command.

Exit codes: 0 done, 1 findings (``lint``) or refuted (``verify``), 2 unusable input, 3 nothing could be decided. Bad
input is one line on stderr.
"""

from __future__ import annotations

import os
import sys
from typing import Annotated, Any

import typer

import tilewright
from tilewright.cli import bench, gpus, inspect, lint, optimize, profile, report, resume, runs, verify
from tilewright.errors import InputError

# Typer came with a Click of its own from some version on: the base of its errors is found, not imported.
_WrongCall: Any = next(base for base in typer.BadParameter.__mro__ if base.__name__ == "ClickException")

app = typer.Typer(
    name="tilewright",
    help="Make Triton kernels fast, and prove that they are still right.",
    add_completion=False,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)
app.command("optimize")(optimize.optimize)
app.command("verify")(verify.verify)
app.command("bench")(bench.bench)
app.command("lint")(lint.lint)
app.command("inspect")(inspect.inspect)
app.command("report")(report.report)
app.command("profile")(profile.profile)
app.command("gpus")(gpus.gpus)
app.command("runs")(runs.runs)
app.command("resume")(resume.resume)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"tilewright {tilewright.__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", callback=_print_version, is_eager=True)
    ] = False,
) -> None:
    """Make Triton kernels fast, and prove that they are still right."""


def main(arguments: list[str] | None = None) -> None:
    """Run one command and leave with its exit code."""
    sys.exit(run(sys.argv[1:] if arguments is None else arguments))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code; every expected failure becomes one line on stderr."""
    try:
        result = app(args=arguments, prog_name="tilewright", standalone_mode=False)
        sys.stdout.flush()
    except _WrongCall as error:
        if type(error).__name__ == "NoArgsIsHelpError":
            typer.echo(error.format_message())
            return 0
        return _fail(" ".join(error.format_message().split()), code=2)
    except InputError as error:
        return _fail(str(error), code=2)
    except (typer.Abort, KeyboardInterrupt):
        return _fail("interrupted", code=130)
    except BrokenPipeError:
        # Whoever read our output left early (head, less); leave quietly, and keep Python from complaining at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 141
    return result if isinstance(result, int) else 0


def _fail(message: str, *, code: int) -> int:
    typer.echo(f"tilewright: {message}", err=True)
    return code
