"""Hold the times of a candidate's calls against what the machine can do: parent side."""

from __future__ import annotations

import math
import statistics
from collections.abc import Mapping

from tilewright.prove import physics, probes
from tilewright.prove.compare import Baseline, Judged
from tilewright.prove.results import Result
from tilewright.records.source import TensorSpec
from tilewright.records.target import Target

_ITEM_BYTES = {"f64": 8, "i64": 8, "f32": 4, "i32": 4, "f16": 2, "bf16": 2, "i16": 2, "i8": 1, "u8": 1, "bool": 1}
_BUSY_US, _BUSY_SHARE = 100.0, 0.25
"""How long, beside which part of the call, the device may stay busy after the call's own stream: host latency."""


class Gate:
    """The GPU whose peaks bound every time."""

    def __init__(self, target: Target) -> None:
        self.target = target

    def judge(
        self,
        base: Baseline,
        result: Result,
        needed: Mapping[str, float],
        operations: Mapping[str, float] | None = None,
    ) -> list[Judged]:
        """Checks ``physics`` and ``streams`` of one timed call.

        Args:
            base: the call.
            result: of the timed runs; what it tells is the worker's claim.
            needed: which part of each input (``input 0``) the answer was seen to depend on.
            operations: that the candidate's own kernels do in this call, by unit.
        """
        planned = base.planned
        if not result.ran:
            return [probes.fact(planned, "runs", f"repeated calls: {result.kind}: {result.error}", 1.0)]
        times = _times(result.times)
        if times is None:
            return [probes.fact(planned, "physics", "the times that came back are no times", 1.0)]
        call_us, after_us = times
        busy = after_us > _BUSY_US + _BUSY_SHARE * call_us
        words = f"the device stays busy for {after_us:.0f} us after the call's own stream is done" if busy else ""
        streams = probes.fact(planned, "streams", words, 1.0 if busy else 0.0)
        written = base.original.written_bytes if base.original is not None and base.original.ran else 0
        read = 0.0
        for index, (spec, dtype) in enumerate(zip(planned.problem.inputs, planned.dtypes, strict=True)):
            if spec.dtype != "python":
                read += needed.get(f"input {index}", 0.0) * _distinct(spec) * _ITEM_BYTES.get(dtype, 0)
        least = physics.floor_on(self.target, output_bytes=written, needed_input_bytes=int(read), operations=operations)
        passed, detail = physics.physics_fact(call_us, least)
        return [probes.fact(planned, "physics", detail, 0.0 if passed else 1.0), streams]


def _distinct(spec: TensorSpec) -> int:
    """Elements that lie in memory: an expanded dimension is one place."""
    strides = spec.strides or (1,) * len(spec.shape)
    return math.prod(size for size, stride in zip(spec.shape, strides, strict=True) if stride)


def _times(told: object) -> tuple[float, float] | None:
    """Median time of a call and of the device's activity after it, in us, if they are positive numbers."""
    if not isinstance(told, dict) or not isinstance(told.get("events_us"), list) or not told["events_us"]:
        return None
    try:
        events = [float(value) for value in told["events_us"]]
        after = float(told["after_us"])
    except (KeyError, TypeError, ValueError):
        return None
    if not all(math.isfinite(value) and value > 0 for value in events) or not math.isfinite(after):
        return None
    return statistics.median(events), after
