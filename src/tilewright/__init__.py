"""Tilewright makes Triton kernels fast and proves that they are still right."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilewright.api import Optimized, fix_file, inspect, lint_file, optimize
    from tilewright.errors import InputError, TilewrightError

__version__ = "0.1.0"

__all__ = [
    "InputError",
    "Optimized",
    "TilewrightError",
    "__version__",
    "fix_file",
    "inspect",
    "lint_file",
    "optimize",
]

# Worker processes import this package too, and need nothing but torch, triton and numpy: names load on first use.
_HOME = dict.fromkeys(("Optimized", "fix_file", "inspect", "lint_file", "optimize"), "tilewright.api") | dict.fromkeys(
    ("InputError", "TilewrightError"), "tilewright.errors"
)


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
