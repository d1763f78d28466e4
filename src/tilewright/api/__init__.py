"""What the commands call, for Python users: one file a verb.

Every function takes a path as the command line does, and raises the errors of :mod:`tilewright.errors`.
"""

from tilewright.api.inspecting import fix_file, inspect, lint_file
from tilewright.api.optimizing import Optimized, optimize
from tilewright.api.options import Device, Precision, check_writable
from tilewright.api.profiles import Profiled, profile
from tilewright.api.verifying import Verifier, verify, verify_certificate

__all__ = [
    "Device",
    "Optimized",
    "Precision",
    "Profiled",
    "Verifier",
    "check_writable",
    "fix_file",
    "inspect",
    "lint_file",
    "optimize",
    "profile",
    "verify",
    "verify_certificate",
]
