"""Run the user's wrapper against a recording driver, with no GPU, and note what it launches."""

from tilewright.capture.api import PRELOAD, capture, capture_variants
from tilewright.capture.wire import NO_LAUNCH

__all__ = ["NO_LAUNCH", "PRELOAD", "capture", "capture_variants"]
