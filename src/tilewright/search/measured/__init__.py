"""The loop on a GPU: profile, diagnose, vary, build, screen, prove, time, and keep what is faster beyond doubt."""

from tilewright.search.measured.gpu import GpuWorkbench
from tilewright.search.measured.loop import optimize_on
from tilewright.search.measured.options import Options
from tilewright.search.measured.workbench import Untimed, Workbench

__all__ = ["GpuWorkbench", "Options", "Untimed", "Workbench", "optimize_on"]
