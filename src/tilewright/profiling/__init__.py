"""Nsight Compute: metrics asked of it, or read from what it, or a prompt document, says."""

from tilewright.profiling.catalog import all_metrics, metrics_of, valid_names
from tilewright.profiling.names import name_notes
from tilewright.profiling.profiler import Profiler, ProfilerError
from tilewright.profiling.read import grid_sizes, metrics_from_mapping, read_metrics

__all__ = [
    "Profiler",
    "ProfilerError",
    "all_metrics",
    "grid_sizes",
    "metrics_from_mapping",
    "metrics_of",
    "name_notes",
    "read_metrics",
    "valid_names",
]
