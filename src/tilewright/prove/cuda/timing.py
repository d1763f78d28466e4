"""How long a call takes at least, and whether work goes on after its stream is done: worker side.

For the physics gate alone: not for comparing two files, which needs pairs and intervals.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

import torch

_CALLS, _BUDGET_S = 20, 0.3

# taken before any file is imported, so that a file that replaces them changes nothing here
_Event, _synchronize, _clock = torch.cuda.Event, torch.cuda.synchronize, time.perf_counter


def time_calls(call: Callable[[], Any]) -> dict[str, Any]:
    """Time ``call`` by events on the current stream, and watch the whole device after it.

    Returns:
        ``events_us``: one time a call; ``wall_us``: of all calls together, up to the idle device, divided by their
        number; ``after_us``: how long the device stayed busy after the current stream was done, at the median.
    """
    call()
    _synchronize()
    pairs, after, began = [], [], _clock()
    for _ in range(_CALLS):
        start, end = _Event(enable_timing=True), _Event(enable_timing=True)
        start.record()
        call()
        end.record()
        end.synchronize()
        done = _clock()
        _synchronize()
        after.append((_clock() - done) * 1e6)
        pairs.append((start, end))
        if _clock() - began > _BUDGET_S:
            break
    wall_us = (_clock() - began) * 1e6 / len(pairs)
    events_us = [start.elapsed_time(end) * 1e3 for start, end in pairs]
    return {"events_us": events_us, "wall_us": wall_us, "after_us": statistics.median(after)}
