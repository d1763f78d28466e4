"""Find inputs for a forward call about which nothing was said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tilewright.capture.model import Refused
from tilewright.capture.recorder import Recorder


def infer(made: Any, path: str, recorder: Recorder, grid_sizes: Mapping[str, int]) -> tuple[list[Any], tuple[str, ...]]:
    """Values for forward's parameters, and what was assumed about them."""
    raise Refused("source", None, "the shapes of forward's inputs are not known", "give --inputs or --reference")
