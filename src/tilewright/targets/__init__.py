"""The catalog of GPUs: one TOML file a GPU, every number with its unit and its source (see ``schema``)."""

from tilewright.targets.info import Fact, GpuRow, gpu_facts, gpu_rows
from tilewright.targets.loader import differences, load, names

__all__ = ["Fact", "GpuRow", "differences", "gpu_facts", "gpu_rows", "load", "names"]
