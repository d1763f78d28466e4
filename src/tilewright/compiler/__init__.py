"""Builds Triton IR for any NVIDIA target without a GPU, and reads the facts of the binary.

``build_many`` runs in the parent and imports neither torch nor Triton; ``job`` is what a worker process runs.
"""

from tilewright.compiler.build import BuildJob, build_many
from tilewright.compiler.cache import default_cache

__all__ = ["BuildJob", "build_many", "default_cache"]
