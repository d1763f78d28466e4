"""Run untrusted code in processes of its own, and tell the five ways a job can end apart."""

from tilewright.workers.outcome import Outcome
from tilewright.workers.pool import Pool
from tilewright.workers.worker import Worker

__all__ = ["Outcome", "Pool", "Worker"]
