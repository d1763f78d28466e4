"""Times two files against each other on a GPU: pairs, intervals, and a test that says when to stop."""

from tilewright.timing.call import Call
from tilewright.timing.channel import timing_worker
from tilewright.timing.timer import Timer
from tilewright.timing.words import ratio_words, time_words

__all__ = ["Call", "Timer", "ratio_words", "time_words", "timing_worker"]
