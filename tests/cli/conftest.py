"""Run a command as a user would, and files to run it on."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tilewright.cli.main import run

ROOT = Path(__file__).parents[2]
PROMPT = ROOT / "examples" / "seed" / "prompt.txt"


@dataclass(frozen=True)
class Ended:
    """How a command ended, and what it wrote; ``err`` without the lines that say how far it has come."""

    code: int
    out: str
    err: str


Command = Callable[..., Ended]


@pytest.fixture
def cold(capsys: pytest.CaptureFixture[str]) -> Command:
    """Call the command line in this process; it starts its workers itself."""

    def call(*arguments: object) -> Ended:
        code = run([str(argument) for argument in arguments])
        written = capsys.readouterr()
        said = [line for line in written.err.splitlines(keepends=True) if not line.startswith("tilewright [")]
        return Ended(code, written.out, "".join(said))

    return call


@pytest.fixture
def tilewright(cold: Command, warm: None) -> Command:
    """Call the command line in this process, with workers that have started."""
    return cold


@pytest.fixture(scope="session")
def prompt() -> Path:
    return PROMPT


@pytest.fixture(scope="session")
def elementwise() -> Path:
    """The cheapest real input: one kernel, nothing to change."""
    return ROOT / "tests" / "data" / "inputs" / "elementwise.py"
