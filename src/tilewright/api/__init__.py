"""What the commands call, for Python users: one file a verb.

Every function takes a path as the command line does, and raises the errors of :mod:`tilewright.errors`.
"""

from tilewright.api.inspecting import fix_file, inspect, lint_file
from tilewright.api.optimizing import Optimized, optimize
from tilewright.api.options import Device, Precision, check_writable
from tilewright.api.reporting import Format as ReportFormat
from tilewright.api.reporting import render_report
from tilewright.api.verifying import Verifier, verify, verify_certificate

__all__ = [
    "Device",
    "Optimized",
    "Precision",
    "ReportFormat",
    "Verifier",
    "check_writable",
    "fix_file",
    "inspect",
    "lint_file",
    "optimize",
    "render_report",
    "verify",
    "verify_certificate",
]
