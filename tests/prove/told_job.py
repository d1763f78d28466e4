"""A GPU for tests that need none of its work: it says which architecture it was told to compile for."""

from __future__ import annotations

import os
from typing import Any

from tilewright.errors import InputError
from tilewright.prove.architectures import VARIABLE, refusal

PRESENT = 90


def warm(*, memory_fraction: float | None = None) -> dict[str, Any]:
    """What the environment names, as a device of sm_90 takes it."""
    asked = int(os.environ[VARIABLE] or PRESENT)
    if reason := refusal(asked, PRESENT):
        raise InputError(f"--architecture sm_{asked}: {reason}")
    return {"name": "GPU of a test", "memory_bytes": 1 << 34, "free_bytes": 1 << 34, "architecture": f"sm_{asked}"}
