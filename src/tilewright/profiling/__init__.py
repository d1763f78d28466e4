"""Nsight Compute: metrics read from what the profiler, or a prompt document, says."""

from tilewright.profiling.names import name_notes
from tilewright.profiling.read import grid_sizes, metrics_from_mapping, read_metrics

__all__ = ["grid_sizes", "metrics_from_mapping", "name_notes", "read_metrics"]
