"""Confinement of workers: what code that is not trusted can reach, and what it cannot.

The parent chooses (``choose``), the worker's own start puts it in force (``confine``) before it imports anything that
is not the standard library or this package, and ends if it cannot.
"""

from tilewright.workers.sandbox.choose import best_sandbox, sandbox_of_kind
from tilewright.workers.sandbox.record import UNSANDBOXED, Sandbox

__all__ = ["UNSANDBOXED", "Sandbox", "best_sandbox", "sandbox_of_kind"]
