"""What this machine offers a proof: a GPU, and something that confines other people's code."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from tilewright import workers
from tilewright.errors import InputError
from tilewright.prove.session import CUDA
from tilewright.workers import Worker

UNCONFINED = "unsandboxed"
_WARM_LIMIT_S = 120.0
_DRIVER = Path("/sys/module/nvidia/version")


@dataclass(frozen=True, slots=True, kw_only=True)
class Device:
    """A GPU, as its driver describes it."""

    name: str
    memory_bytes: int
    free_bytes: int
    architecture: str
    """What Triton compiles for in the worker that told, as ``sm_89``."""


def gpu_is_visible() -> bool:
    """Whether the system shows a CUDA device to this process; asked of the system, without starting CUDA."""
    if os.environ.get("CUDA_VISIBLE_DEVICES", "0").strip() in ("", "-1"):
        return False
    return any(Path("/dev").glob("nvidia[0-9]*")) or Path("/dev/dxg").exists()


def driver_version() -> str | None:
    """The NVIDIA driver's version, where the system tells."""
    try:
        return _DRIVER.read_text(encoding="ascii").strip() or None
    except (OSError, UnicodeDecodeError):
        return None


def warm(worker: Worker, *, memory_fraction: float | None = None) -> Device:
    """Make the device's context in ``worker``, which has run nothing else yet.

    Args:
        worker: as :func:`~tilewright.prove.prover.cuda_worker` makes it.
        memory_fraction: part of the device's memory that PyTorch may take in it, 0 to 1, until it restarts; ``None``:
            all.

    Raises:
        InputError: there is no device, it does not work, or it does not run the code that the worker is to compile.
    """
    outcome = worker.call(f"{CUDA}:warm", {"memory_fraction": memory_fraction}, timeout_s=_WARM_LIMIT_S)
    if outcome.error_type == InputError.__name__:
        raise InputError(outcome.message)
    if outcome.kind != "returned":
        said = " ".join(f"{outcome.error_type} {outcome.message}".split())
        raise InputError(f"--device cuda: the device does not start: {said}; use --device none")
    told = outcome.value
    return Device(
        name=str(told["name"]),
        memory_bytes=int(told["memory_bytes"]),
        free_bytes=int(told["free_bytes"]),
        architecture=str(told["architecture"]),
    )


def confinement() -> str | None:
    """What confines the workers of this machine, in words; ``None`` where nothing does.

    Raises:
        InputError: the user asked for a sandbox that does not work here.
    """
    found = workers.best_sandbox()
    return str(found) if found.confines else None


def require_confinement(*, allow_unsandboxed: bool) -> str:
    """What confines the workers, in words, or that it was allowed that nothing does.

    Raises:
        InputError: nothing does, and that was not allowed.
    """
    words = confinement()
    if words is None and not allow_unsandboxed:
        reason = workers.best_sandbox().reason
        what = f"{UNCONFINED}: nothing confines the code that would run here{f' ({reason})' if reason else ''}"
        raise InputError(f"{what}; pass --allow-unsandboxed to run code that you do not trust")
    return words or f"{UNCONFINED}, as allowed"
