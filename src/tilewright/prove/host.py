"""What this machine offers a proof: a GPU, and something that confines other people's code."""

from __future__ import annotations

import os
from pathlib import Path

from tilewright import workers
from tilewright.errors import InputError

UNCONFINED = "unsandboxed"


def gpu_is_visible() -> bool:
    """Whether the system shows a CUDA device to this process; asked of the system, without starting CUDA."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return False
    return any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()


def confinement() -> str | None:
    """What confines the workers of this machine, in words; ``None`` where nothing does."""
    found = workers.best_sandbox() if hasattr(workers, "best_sandbox") else None
    return str(found) if found is not None and found.confines else None


def require_confinement(*, allow_unsandboxed: bool) -> str:
    """What confines the workers, in words, or that it was allowed that nothing does.

    Raises:
        InputError: nothing does, and that was not allowed.
    """
    words = confinement()
    if words is None and not allow_unsandboxed:
        what = f"{UNCONFINED}: neither bubblewrap nor Landlock confines the code that would run here"
        raise InputError(f"{what}; pass --allow-unsandboxed to run code that you do not trust")
    return words or f"{UNCONFINED}, as allowed"
