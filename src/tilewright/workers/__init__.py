"""Run untrusted code in confined processes of its own, and tell the five ways a job can end apart."""

from tilewright.workers.outcome import Outcome
from tilewright.workers.pool import Pool
from tilewright.workers.sandbox import UNSANDBOXED, Sandbox, best_sandbox
from tilewright.workers.worker import Worker

__all__ = ["UNSANDBOXED", "Outcome", "Pool", "Sandbox", "Worker", "best_sandbox"]
