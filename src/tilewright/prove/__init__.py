"""Prove that a candidate computes what the original computes, no less accurately.

``verification`` and ``certificate`` are imported by their own names: workers import this package, and need neither.
"""

from tilewright.prove.problems import small_problems
from tilewright.prove.prover import Prover, interpreter_worker, prove

__all__ = ["Prover", "interpreter_worker", "prove", "small_problems"]
