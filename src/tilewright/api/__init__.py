"""What the commands call, for Python users: one file a verb.

Every function takes a path as the command line does, and raises the errors of :mod:`tilewright.errors`.
"""

from tilewright.api.benching import SECONDS, Bencher, bench
from tilewright.api.inspecting import fix_file, inspect, lint_file
from tilewright.api.keeping import FinishedRun, finished_run, resume, runs
from tilewright.api.optimizing import Interrupted, Optimized, optimize
from tilewright.api.options import Device, Precision, check_writable
from tilewright.api.profiles import Profiled, profile
from tilewright.api.reporting import Format as ReportFormat
from tilewright.api.reporting import render_report
from tilewright.api.verifying import Verifier, verify, verify_certificate
from tilewright.search.measured.options import DEFAULT_LIMIT_S

__all__ = [
    "DEFAULT_LIMIT_S",
    "SECONDS",
    "Bencher",
    "Device",
    "FinishedRun",
    "Interrupted",
    "Optimized",
    "Precision",
    "Profiled",
    "ReportFormat",
    "Verifier",
    "bench",
    "check_writable",
    "finished_run",
    "fix_file",
    "inspect",
    "lint_file",
    "optimize",
    "profile",
    "render_report",
    "resume",
    "runs",
    "verify",
    "verify_certificate",
]
