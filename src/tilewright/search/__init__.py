"""The stage loop: analyse the input, vary what a stage owns, build, estimate, prove, and accept or refuse."""

from tilewright.search.certify import verification_of
from tilewright.search.loop import optimize
from tilewright.search.session import Session

__all__ = ["Session", "optimize", "verification_of"]
