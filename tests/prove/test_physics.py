"""A time that the machine cannot reach is refused, an honest one never."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from tilewright import targets
from tilewright.prove.physics import contraction_operations, floor, floor_on, kept_share, peaks_of, physics_fact
from tilewright.prove.physics_probe import needed_inputs, written_bytes
from tilewright.records.algorithm import Accumulated, Contraction, Operand, Order, Output

H200 = {"l2_bytes": 60_000_000, "dram_gb_per_s": 4800.0}


def test_a_part_left_unwritten_shows_in_the_time() -> None:
    least = floor(output_bytes=6_442_450_944, needed_input_bytes=6_442_450_944, **H200)
    passed, detail = physics_fact(1220.0, least)
    assert not passed
    assert detail == (
        "writes 6.442 GB and reads 6.442 GB, of each of which the L2 may hold 60 MB, "
        "12.76 GB beyond it at 4.8 TB/s needs 2659 us; measured 1220 us"
    )
    assert physics_fact(2900.0, least)[0]


def test_a_call_that_fits_in_the_l2_passes_at_any_time() -> None:
    least = floor(output_bytes=15_000_000, needed_input_bytes=15_000_000, **H200)
    assert least.time_us == 0.0
    assert physics_fact(100.0, least)[0]
    assert physics_fact(0.5, least)[0]


def test_half_of_the_input_bytes_known_still_refuses_the_measured_case() -> None:
    least = floor(output_bytes=6_442_450_944, needed_input_bytes=3_221_225_472, **H200)
    assert not physics_fact(1220.0, least)[0]


@given(
    written=st.integers(0, 10**12),
    read=st.integers(0, 10**12),
    l2=st.integers(0, 10**8),
    rate=st.floats(100, 10_000),
    faster=st.floats(1.0, 1.09),
)
def test_a_kernel_at_the_memory_peak_passes_with_the_caches_help(
    written: int, read: int, l2: int, rate: float, faster: float
) -> None:
    least = floor(output_bytes=written, needed_input_bytes=read, l2_bytes=l2, dram_gb_per_s=rate)
    crossing = (written - min(written, l2)) + (read - min(read, l2))
    assert physics_fact(crossing / (rate * faster * 1e3), least)[0]
    assert least.refused_below_us <= least.time_us


@given(time=st.floats(0, 1e9), noise=st.floats(0, 1e3), written=st.integers(0, 10**13))
def test_more_bytes_never_help_and_more_time_never_hurts(time: float, noise: float, written: int) -> None:
    small, large = (floor(output_bytes=size, needed_input_bytes=0, **H200) for size in (written, written * 2))
    if physics_fact(time, large, noise_us=noise)[0]:
        assert physics_fact(time, small, noise_us=noise)[0]
        assert physics_fact(time * 2, large, noise_us=noise)[0]


@pytest.mark.parametrize("time", [0.0, -5.0, math.nan, math.inf, -math.inf])
def test_a_time_that_is_none_is_refused(time: float) -> None:
    assert not physics_fact(time, floor(output_bytes=10**9, needed_input_bytes=0, **H200))[0]


def test_operations_count_at_the_rate_of_their_unit() -> None:
    peaks = {"tensor_tf32": 494.7, "fp32": 66.9}
    least = floor(output_bytes=0, needed_input_bytes=0, operations={"tensor_tf32": 137.4e9}, peaks=peaks, **H200)
    assert least.time_us == pytest.approx(277.7, abs=0.1)
    refused, detail = physics_fact(200.0, least)
    assert not refused
    assert detail == "does 137.4 GFLOP of tensor_tf32 at 494.7 TFLOP/s needs 278 us; measured 200 us"
    assert physics_fact(319.0, least)[0]  # the vendor's own library
    unknown = floor(output_bytes=0, needed_input_bytes=0, operations={"tensor_fp8": 1e15}, peaks=peaks, **H200)
    assert unknown.refused_below_us == 0.0


def test_impossible_arguments_are_errors() -> None:
    with pytest.raises(ValueError, match="negative"):
        floor(output_bytes=-1, needed_input_bytes=0, **H200)
    with pytest.raises(ValueError, match="positive"):
        floor(output_bytes=1, needed_input_bytes=0, l2_bytes=0, dram_gb_per_s=0.0)


def contraction(dtype: str = "fp32", casts: tuple[str, ...] = ()) -> Contraction:
    a, b = (Operand(parameter=name, dtype=dtype, strides={}, casts=casts) for name in ("a", "b"))
    out = Output(operand=Operand(parameter="c", dtype="fp32", strides={}), value=Accumulated(dtype="fp32"))
    return Contraction(
        kernel="matmul",
        extents={axis: axis.upper() for axis in ("m", "n", "k", "b0")},
        batch_axes=("b0",),
        a=a,
        b=b,
        accumulator_dtype="fp32",
        input_precision="tf32",
        outputs=(out,),
    )


def test_the_operations_of_a_lifted_contraction() -> None:
    sizes = {"m": 10, "n": 20, "k": 30, "b0": 2}
    found = contraction_operations
    assert found(contraction(), sizes) == {"tensor_tf32": 24_000.0}
    assert found(replace(contraction(), input_precision="tf32x3"), sizes) == {"tensor_tf32": 72_000.0}
    assert found(replace(contraction(), input_precision="ieee"), sizes) == {"fp32": 24_000.0}
    assert found(contraction(casts=("fp16",)), sizes) == {"tensor_fp16": 24_000.0}
    assert found(contraction("bf16"), sizes) == {"tensor_bf16": 24_000.0}
    assert found(replace(contraction("fp16"), accumulator_dtype="fp16"), sizes) == {}
    assert found(contraction("fp8e4nv"), sizes) == {}


def test_of_triangles_only_what_is_kept_counts() -> None:
    sizes = {"m": 600, "n": 600, "k": 600, "b0": 1}
    whole = contraction()
    upper = replace(
        whole,
        a=replace(whole.a, orders=(Order(low="m", high="k"),)),
        b=replace(whole.b, orders=(Order(low="k", high="n"),)),
    )
    assert kept_share(whole, sizes) == 1.0
    assert kept_share(replace(whole, a=upper.a), sizes) == pytest.approx(1 / 2, rel=0.01)
    assert kept_share(upper, sizes) == pytest.approx(1 / 6, rel=0.01)
    lower = replace(whole, outputs=(replace(whole.outputs[0], orders=(Order(low="n", high="m", gap=1),)),))
    assert kept_share(lower, sizes) == pytest.approx(1 / 2, rel=0.01)
    assert kept_share(lower, {**sizes, "k": 0}) == 1.0
    few = {"m": 3, "n": 4, "k": 5, "b0": 1}
    kept = sum(m <= k <= n for m in range(3) for k in range(5) for n in range(4))
    assert kept_share(upper, few) == pytest.approx(kept / 60)
    assert contraction_operations(upper, few) == {"tensor_tf32": pytest.approx(2.0 * kept)}


@pytest.mark.parametrize("name", targets.names())
def test_every_target_has_a_floor(name: str) -> None:
    target = targets.load(name)
    peaks = peaks_of(target)
    assert "fp32" in peaks
    least = floor_on(target, output_bytes=10**10, needed_input_bytes=0, operations={"fp32": 1e6})
    assert least.time_us == pytest.approx((10**10 - target.l2_bytes) / target.dram_gb_per_s / 1e3)


def test_inputs_that_decide_every_answer_count_nearly_in_full() -> None:
    x, y = torch.randn(40, 50), torch.randn(40, 50)
    parts = needed_inputs(lambda x, y, scale: (torch.nn.functional.hardtanh(x) + y) * scale, [x, y, 2.0])
    assert parts["input 0"] > 0.7
    assert parts["input 1"] > 0.7


UNREAD = {
    "triangle": lambda x: torch.tril(x),
    "diagonal": lambda x: torch.diagonal(x) * 2,
    "last row": lambda x: x[-1] + 1,
    "constant": lambda x: torch.ones(3),
    "three quarters": lambda x: x[:30] + 1,
    "draws lots": lambda x: x + torch.randn(x.shape, generator=torch.Generator().manual_seed(next(NUMBERS))),
    "changes it": lambda x: x.add_(1),
}
NUMBERS = iter(range(10_000))


@pytest.mark.parametrize("name", UNREAD)
def test_inputs_that_are_read_in_part_count_for_nothing(name: str) -> None:
    x = torch.randn(40, 40)
    before = x.clone()
    assert needed_inputs(UNREAD[name], [x]) == {"input 0": 0.0}
    assert torch.equal(x, before)


def test_indices_stay_in_range_and_tables_count_for_what_is_looked_up() -> None:
    table, index = torch.randn(11, 5), torch.randint(0, 11, (64,))
    layer = torch.nn.Embedding(1000, 4)
    assert needed_inputs(lambda t, i: t[i] * 1.0, [table[:3], index % 3])["input 1"] > 0.7
    parts = needed_inputs(layer, [index], also={"weight": layer.weight})
    assert parts["weight"] == 0.0
    assert parts["input 0"] > 0.7


def test_memory_counts_once_and_only_where_it_is_written() -> None:
    x = torch.randn(10, 10)
    fresh = torch.empty(10, 10)
    assert written_bytes(x * 2, [x]) == 400
    assert written_bytes((fresh, fresh.T, {"row": fresh[0]}), [x]) == 400
    assert written_bytes(x.view(100), [x]) == 0
    assert written_bytes(torch.empty(10).expand(50, 10), [x]) == 40
    assert written_bytes((torch.empty(0), 3, None), [x]) == 0
