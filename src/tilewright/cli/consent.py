"""Ask before code that nobody vouches for runs where nothing confines it."""

from __future__ import annotations

import sys

import typer

from tilewright.prove import host


def consent(allowed: bool) -> bool:
    """Whether code may run unconfined: as the option says, or as whoever sits at the terminal does."""
    if allowed or host.confinement() is not None or not at_a_terminal():
        return allowed
    return typer.confirm("Nothing here confines the code that will run. Run it all the same?", err=True)


def at_a_terminal() -> bool:
    """Whether somebody sits there who can be asked."""
    return sys.stdin.isatty() and sys.stderr.isatty()
