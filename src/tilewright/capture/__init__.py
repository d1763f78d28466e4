"""Run the user's wrapper against a recording driver, with no GPU, and note what it launches."""

from tilewright.capture.api import PRELOAD, capture, capture_variants

__all__ = ["PRELOAD", "capture", "capture_variants"]
