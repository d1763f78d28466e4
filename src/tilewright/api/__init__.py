"""What the commands call, for Python users: one file a verb.

Every function takes a path as the command line does, and raises the errors of :mod:`tilewright.errors`.
"""

from tilewright.api.benching import SECONDS, Bencher, bench
from tilewright.api.inspecting import fix_file, inspect, lint_file
from tilewright.api.optimizing import Optimized, optimize
from tilewright.api.options import Device, Precision, check_writable
from tilewright.api.verifying import Verifier, verify, verify_certificate

__all__ = [
    "SECONDS",
    "Bencher",
    "Device",
    "Optimized",
    "Precision",
    "Verifier",
    "bench",
    "check_writable",
    "fix_file",
    "inspect",
    "lint_file",
    "optimize",
    "verify",
    "verify_certificate",
]
