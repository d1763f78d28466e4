"""The two manifests of this folder, as records: what each file shows, and what is to be said of it."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

FOLDER = Path(__file__).parent
TRICKS = range(1, 26)
"""Numbers of the list of tricks in this folder's README."""
LEFTOVERS = ("autotune leftover, pointwise", "autotune leftover, BatchNorm", "autotune leftover, mean reduction")
"""Kernels that were published as fast: the grid is for one block size, the tuner picks another."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One file of either folder."""

    name: str
    title: str
    kind: str
    """``hostile`` or ``honest``: the folder."""
    reference: str
    """Path from this folder."""
    original: str | None = None
    """The file that says what error is allowed, as a path; without one, the reference in its own dtype."""
    precision: str = "no-worse"
    needs_gpu: bool = False
    status: str = "proved"
    refused_by: tuple[str, ...] = ()
    """A refusal is for the right reason if the name of the check that it reports contains one of these."""
    refused_by_on_gpu: tuple[str, ...] = ()
    """Names that count too, on a GPU alone: of what stops the interpreter, and on a GPU goes on with other values."""
    tricks: tuple[int, ...] = ()
    accident: str = ""
    hidden_of: str = ""
    note: str = ""

    @property
    def path(self) -> Path:
        """The file."""
        return FOLDER / self.kind / f"{self.name}.py"


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What answers the part of a trick that no candidate file can show."""

    trick: int
    answer: str


def _read(manifest: str) -> dict[str, list[dict[str, object]]]:
    return tomllib.loads((FOLDER / manifest).read_text())


def _entries(kind: str) -> tuple[Entry, ...]:
    found = []
    for table in _read(f"{kind}.toml").get("file", []):
        fields = {key: tuple(value) if isinstance(value, list) else value for key, value in table.items()}
        found.append(Entry(kind=kind, **fields))  # an unknown key is an error, and so is a missing one
    return tuple(found)


def hostile() -> tuple[Entry, ...]:
    """Files that a proof must refuse, in the order of their manifest."""
    return _entries("hostile")


def honest() -> tuple[Entry, ...]:
    """Files that a proof must accept, in the order of their manifest."""
    return _entries("honest")


def harness() -> tuple[Answer, ...]:
    """What the hostile manifest says of tricks, or parts of them, that no file can play."""
    return tuple(Answer(**table) for table in _read("hostile.toml").get("harness", []))
