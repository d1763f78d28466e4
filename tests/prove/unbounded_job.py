"""A GPU for tests: the interpreter, which lets every access pass, as a GPU does where something lies."""

from __future__ import annotations

import os
from typing import Any

from tilewright.prove import architectures, bounds, device
from tilewright.prove.job import forget, initial_state, needed_inputs, own_inputs, run_cases

__all__ = ["forget", "initial_state", "needed_inputs", "own_inputs", "run_cases", "warm"]

bounds.check = lambda *_: None
# so that a file can tell this one from the interpreter, as it can a GPU
device._PROCESSORS = 132


def warm(*, memory_fraction: float | None = None) -> dict[str, Any]:
    """A device that no catalog has, so that no time is held against it."""
    architecture = f"sm_{os.environ.get(architectures.VARIABLE) or 90}"
    return {
        "name": "GPU of a test",
        "memory_bytes": 1 << 34,
        "free_bytes": 1 << 34,
        "architecture": architecture,
    }
