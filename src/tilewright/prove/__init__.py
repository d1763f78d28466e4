"""Prove that a candidate computes what the original computes, no less accurately.

``verification`` and ``certificate`` are imported by their own names.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tilewright.prove.problems import small_problems
    from tilewright.prove.prover import Prover, interpreter_worker, prove

__all__ = ["Prover", "interpreter_worker", "prove", "small_problems"]

# Workers import this package too, and none of what the parent reads sources and compares answers with: LibCST alone
# would be a tenth of each worker's start.
_HOME = {
    "Prover": "tilewright.prove.prover",
    "interpreter_worker": "tilewright.prove.prover",
    "prove": "tilewright.prove.prover",
    "small_problems": "tilewright.prove.problems",
}


def __getattr__(name: str) -> Any:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(_HOME[name]), name)
