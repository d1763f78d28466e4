"""Tilewright makes Triton kernels fast and proves that they are still right."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilewright.api import (
        Bencher,
        Interrupted,
        Optimized,
        Profiled,
        Verifier,
        bench,
        fix_file,
        inspect,
        lint_file,
        optimize,
        profile,
        render_report,
        resume,
        runs,
        verify,
        verify_certificate,
    )
    from tilewright.errors import InputError, StoreError, TilewrightError, TimingError
    from tilewright.records.timing import Comparison
    from tilewright.records.verification import Verification

__version__ = "0.1.0"

__all__ = [
    "Bencher",
    "Comparison",
    "InputError",
    "Interrupted",
    "Optimized",
    "Profiled",
    "StoreError",
    "TilewrightError",
    "TimingError",
    "Verification",
    "Verifier",
    "__version__",
    "bench",
    "fix_file",
    "inspect",
    "lint_file",
    "optimize",
    "profile",
    "render_report",
    "resume",
    "runs",
    "verify",
    "verify_certificate",
]

# Worker processes import this package too, and need nothing but torch, triton and numpy: names load on first use.
_HOMES = {
    "tilewright.api": (
        *("Bencher", "Interrupted", "Optimized", "Profiled", "Verifier", "bench", "fix_file", "inspect", "lint_file"),
        *("optimize", "profile", "render_report", "resume", "runs", "verify", "verify_certificate"),
    ),
    "tilewright.errors": ("InputError", "StoreError", "TilewrightError", "TimingError"),
    "tilewright.records.timing": ("Comparison",),
    "tilewright.records.verification": ("Verification",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
