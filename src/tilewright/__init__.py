"""Tilewright makes Triton kernels fast and proves that they are still right."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilewright.api import (
        Optimized,
        Profiled,
        Verifier,
        fix_file,
        inspect,
        lint_file,
        optimize,
        profile,
        verify,
        verify_certificate,
    )
    from tilewright.errors import InputError, TilewrightError
    from tilewright.records.verification import Verification

__version__ = "0.1.0"

__all__ = [
    "InputError",
    "Optimized",
    "Profiled",
    "TilewrightError",
    "Verification",
    "Verifier",
    "__version__",
    "fix_file",
    "inspect",
    "lint_file",
    "optimize",
    "profile",
    "verify",
    "verify_certificate",
]

# Worker processes import this package too, and need nothing but torch, triton and numpy: names load on first use.
_HOMES = {
    "tilewright.api": (
        *("Optimized", "Verifier", "fix_file", "inspect", "lint_file", "optimize"),
        *("verify", "verify_certificate"),
        *("Profiled", "profile"),
    ),
    "tilewright.errors": ("InputError", "TilewrightError"),
    "tilewright.records.verification": ("Verification",),
}
_HOME = {name: module for module, names in _HOMES.items() for name in names}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
