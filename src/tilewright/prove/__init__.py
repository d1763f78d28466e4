"""Prove, without a GPU, that a candidate computes what the original computes, no less accurately."""

from tilewright.prove.problems import small_problems
from tilewright.prove.prover import Prover, interpreter_worker, prove

__all__ = ["Prover", "interpreter_worker", "prove", "small_problems"]
