"""``tilewright lint``: what is wrong with a kernel file, rule by rule."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from tilewright import api
from tilewright.lint import render_github, render_json, render_text
from tilewright.records.finding import Finding


class Format(StrEnum):
    """How findings are written."""

    TEXT = "text"
    JSON = "json"
    GITHUB = "github"


_RENDER = {Format.TEXT: render_text, Format.JSON: render_json, Format.GITHUB: render_github}


def lint(
    files: Annotated[list[str], typer.Argument(metavar="FILE...", help="Kernel files or prompt documents.")],
    output_format: Annotated[Format, typer.Option("--format", help="How findings are written.")] = Format.TEXT,
    fix: Annotated[bool, typer.Option("--fix", help="Apply the safe fixes to the files first.")] = False,
    inputs: Annotated[
        str | None, typer.Option(metavar="SPEC", help="Inputs of forward; also checks offsets for these shapes.")
    ] = None,
) -> int:
    """Check kernel files. Exit 0: clean. 1: findings. 2: a file that cannot be read."""
    findings: list[Finding] = []
    for path in files:
        if fix:
            text, applied = api.fix_file(path)
            if applied:
                Path(path).write_text(text, encoding="utf-8")
                typer.echo(f"{path}: {len(applied)} fixed", err=True)
        findings.extend(api.lint_file(path, inputs=inputs))
    typer.echo(_RENDER[output_format](tuple(findings)))
    return 1 if findings else 0
