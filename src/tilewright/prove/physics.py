"""Refuse a time that the machine cannot reach: the least that the bytes and operations of a call need.

Built to be sound: a kernel that does its work is never refused. Only what must happen within the timed call counts:

* Bytes that must cross DRAM: every output is written, every input that the answer depends on is read, less what the
  L2 cache can hold. It can hold twice its size: inputs that lie in it at the start are not read, and outputs that lie
  in it at the end are not written back yet.
* Operations of the candidate's own kernels, as its lifted Algorithm states them. Those of the reference do not count:
  a candidate may know a way with fewer (a diagonal operand, a triangle, Winograd).

Peaks are the Target's; the margins below stand for memory and clocks that run above the vendor's figures.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np

from tilewright.records.algorithm import Contraction, Order
from tilewright.records.target import Target

DRAM_MARGIN = 1.1
"""Times the Target's DRAM rate that a card may reach: memory clocks are fixed, some cards are sold or set faster."""
OPERATIONS_MARGIN = 1.25
"""Times the Target's rate of operations: vendors state it at a boost clock that cards exceed (1830 MHz stated, 1980
reached on the H200's tensor cores), by more where the user raises it."""
RESOLUTION_US = 1.0
"""Granted to every measured time: twice the step of the device's event clock (about 0.5 us)."""

_UNITS = {"fp32": "tensor_tf32", "fp16": "tensor_fp16", "bf16": "tensor_bf16"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Floor:
    """The least time that one call needs on one GPU."""

    time_us: float
    """At the Target's own peaks."""
    refused_below_us: float
    """With the margins: a time below this one is no time of an honest kernel."""
    words: str
    """The arithmetic, in one line."""


def floor(
    *,
    output_bytes: int,
    needed_input_bytes: int,
    l2_bytes: int,
    dram_gb_per_s: float,
    operations: Mapping[str, float] | None = None,
    peaks: Mapping[str, float] | None = None,
) -> Floor:
    """Least time of a call that writes and reads so many bytes and does these operations.

    Args:
        output_bytes: of memory that is written; see :func:`tilewright.prove.physics_probe.written_bytes`.
        needed_input_bytes: of memory that the answer depends on; see
            :func:`tilewright.prove.physics_probe.needed_inputs`.
        l2_bytes: size of the L2 cache.
        dram_gb_per_s: peak rate of the memory, in 10^9 bytes a second.
        operations: unit (as :data:`tilewright.records.work.FLOP_UNITS` names them) to operations of the candidate.
        peaks: unit to 10^12 operations a second, as :func:`peaks_of` reads them; a unit without one does not count.

    Raises:
        ValueError: a negative number of bytes or operations, or a rate that is not positive.
    """
    rates = {unit: rate for unit, rate in (peaks or {}).items() if unit in (operations or {})}
    if min(output_bytes, needed_input_bytes, l2_bytes, *(operations or {}).values()) < 0:
        raise ValueError("bytes and operations cannot be negative")
    if not all(rate > 0 for rate in (dram_gb_per_s, *rates.values())):
        raise ValueError("a peak rate must be positive")
    beyond = max(0, output_bytes - l2_bytes) + max(0, needed_input_bytes - l2_bytes)
    times = [(beyond / (dram_gb_per_s * 1e3), DRAM_MARGIN, _memory_words(output_bytes, needed_input_bytes, l2_bytes))]
    rate_words = [f"{beyond / 1e9:.4g} GB beyond it at {dram_gb_per_s / 1e3:.4g} TB/s"]
    for unit, rate in rates.items():
        count = (operations or {})[unit]
        times.append((count / (rate * 1e6), OPERATIONS_MARGIN, f"does {count / 1e9:.4g} GFLOP of {unit}"))
        rate_words.append(f"at {rate:.4g} TFLOP/s")
    # units and memory may all work at once, so that the longest of them is the floor, not their sum
    refused, at = max((time / margin, index) for index, (time, margin, _) in enumerate(times))
    return Floor(
        time_us=max(time for time, _, _ in times),
        refused_below_us=refused,
        words=f"{times[at][2]}{', ' if at == 0 else ' '}{rate_words[at]} needs {_us(times[at][0])}",
    )


def physics_fact(measured_time_us: float, least: Floor, *, noise_us: float = 0.0) -> tuple[bool, str]:
    """Whether the measured time is possible, and the arithmetic.

    Args:
        measured_time_us: of one call; the median of several.
        least: of the same call.
        noise_us: how far above the median a call's true time may lie, beside the clock's resolution.

    Returns:
        ``(passed, detail)``; a time that is no number passes only where nothing is needed.
    """
    granted = measured_time_us + max(0.0, noise_us) + RESOLUTION_US
    passed = least.refused_below_us <= 0.0 or (math.isfinite(granted) and granted >= least.refused_below_us)
    if not passed:
        return False, f"{least.words}; measured {_us(measured_time_us)}"
    return True, f"{least.words}; measured {_us(measured_time_us)}, which the Target's peaks allow"


def floor_on(
    target: Target,
    *,
    output_bytes: int,
    needed_input_bytes: int,
    operations: Mapping[str, float] | None = None,
) -> Floor:
    """:func:`floor` with the numbers of ``target``."""
    return floor(
        output_bytes=output_bytes,
        needed_input_bytes=needed_input_bytes,
        l2_bytes=target.l2_bytes,
        dram_gb_per_s=target.dram_gb_per_s,
        operations=operations,
        peaks=peaks_of(target),
    )


def peaks_of(target: Target) -> dict[str, float]:
    """Unit to 10^12 operations a second, of the units that the Target has."""
    known = {
        "tensor_tf32": target.tf32_tflops,
        "tensor_fp16": target.fp16_tflops,
        "tensor_bf16": target.bf16_tflops,
        "fp32": target.fp32_tflops,
    }
    return {unit: rate for unit, rate in known.items() if rate is not None}


_SAMPLES = 256
"""Rows, and columns, at which the share of a triangle is looked at."""


def contraction_operations(algorithm: Contraction, sizes: Mapping[str, int]) -> dict[str, float]:
    """Operations of one launch of a lifted contraction, by unit: two for each m, n and k of every batch.

    Of triangles only the products whose factors and result are all kept count.

    Empty where the rate is in doubt: a narrow accumulator (twice the rate on some cards), or operands of a type that
    no peak is known of.

    Args:
        algorithm: what the candidate's own kernel computes.
        sizes: length of every axis in this launch.
    """
    if algorithm.accumulator_dtype != "fp32":
        return {}
    dtypes = {(operand.casts or (operand.dtype,))[-1] for operand in (algorithm.a, algorithm.b)}
    unit = _UNITS.get(dtypes.pop()) if len(dtypes) == 1 else None
    if unit is None:
        return {}
    axes = ("m", "n", "k", *algorithm.batch_axes)
    count = 2.0 * math.prod(max(0, sizes[axis]) for axis in axes) * kept_share(algorithm, sizes)
    if unit == "tensor_tf32":
        # any other word than these two is counted at the fastest there is
        if algorithm.input_precision == "ieee":
            unit = "fp32"
        elif algorithm.input_precision == "tf32x3":
            count *= 3.0
    return {unit: count}


def kept_share(algorithm: Contraction, sizes: Mapping[str, int]) -> float:
    """Which part of all m, n and k the orders of a contraction keep, from 0 to 1: what is zero need not be multiplied.

    Args:
        algorithm: a contraction.
        sizes: length of every axis in this launch.
    """
    orders = {*algorithm.a.orders, *algorithm.b.orders}
    orders |= set.intersection(*(set(output.orders) for output in algorithm.outputs))
    return share_of(orders, sizes)


def share_of(orders: Collection[Order], sizes: Mapping[str, int]) -> float:
    """Which part of all m, n and k keeps all of some orders, from 0 to 1."""
    if not orders or min(sizes[axis] for axis in "mnk") < 1:
        return 1.0
    rows, columns = (
        (np.arange(min(sizes[axis], _SAMPLES)) + 0.5) * sizes[axis] / min(sizes[axis], _SAMPLES) for axis in "mn"
    )
    places = {"m": rows[:, None], "n": columns[None, :]}
    first, last = np.zeros((1, 1)), np.full((1, 1), float(sizes["k"]))
    kept = np.ones((1, 1), dtype=bool)
    for order in orders:
        if order.high == "k":
            first = np.maximum(first, places[order.low] - 0.5 + order.gap)
        elif order.low == "k":
            last = np.minimum(last, places[order.high] + 0.5 - order.gap)
        else:
            kept = kept & (places[order.low] + order.gap <= places[order.high])
    lengths = np.where(kept, np.maximum(last - first, 0.0), 0.0)
    return float(np.broadcast_to(lengths, (rows.size, columns.size)).mean() / sizes["k"])


def _memory_words(output_bytes: int, needed_input_bytes: int, l2_bytes: int) -> str:
    return (
        f"writes {output_bytes / 1e9:.4g} GB and reads {needed_input_bytes / 1e9:.4g} GB, of each of which the L2 may"
        f" hold {l2_bytes / 1e6:.4g} MB"
    )


def _us(time_us: float) -> str:
    return f"{time_us:.0f} us" if abs(time_us) >= 100.0 else f"{time_us:.3g} us"
