"""Every file of the catalog: complete, in the right units, and true to itself."""

import math
from collections import Counter

import pytest

from tilewright.targets import gpu_facts, gpu_rows, load, names
from tilewright.targets.schema import FIELDS, NOT_READ

WANTED = {
    "rtx4090", "rtx3090", "rtx5090", "rtx6000ada", "l4", "l40s", "a10", "a100-40", "a100-80",
    "h100-pcie", "h100-sxm", "h200", "b200", "t4", "v100",
}  # fmt: skip

every_gpu = pytest.mark.parametrize("name", names())


def test_the_catalog_holds_what_was_promised():
    assert set(names()) >= WANTED
    assert list(names()) == sorted(names())


def test_the_reference_card_has_the_numbers_of_the_reference_prompt():
    target = load("4090")
    assert target.title == "NVIDIA GeForce RTX 4090"
    assert target.architecture == "Ada Lovelace"
    assert target.compute_capability == (8, 9)
    assert target.sm_count == 128
    assert target.dram_gb_per_s == 1008
    assert (target.tf32_tflops, target.bf16_tflops, target.fp16_tflops) == (82.6, 165.2, 165.2)
    assert target.max_registers_per_thread == 255
    assert (target.max_threads_per_block, target.max_threads_per_sm, target.max_warps_per_sm) == (1024, 1536, 48)
    assert target.warp_size == 32
    assert (target.shared_bytes_per_sm, target.shared_bytes_per_block) == (102400, 101376)
    assert target.l2_bytes == 72 * 2**20


@every_gpu
def test_every_number_has_a_unit_and_a_source(name):
    for fact in gpu_facts(name):
        assert fact.unit == FIELDS[fact.field].unit
        if fact.value is None:
            assert FIELDS[fact.field].optional
            assert (fact.source, fact.read) == ("", "")
        else:
            assert len(fact.source) > 5, fact.field
            assert (fact.read == "none") == fact.source.endswith(NOT_READ)


def test_what_nobody_read_in_its_source_only_gets_less():
    """After reading a source itself, lower these numbers; never raise them."""
    counts = Counter(fact.read for name in names() for fact in gpu_facts(name))
    assert (counts["copy"], counts["none"]) == (80, 0)


@every_gpu
def test_limits_of_an_sm_fit_together(name):
    target = load(name)
    assert target.warp_size * target.max_warps_per_sm == target.max_threads_per_sm
    assert target.max_threads_per_block <= target.max_threads_per_sm
    assert target.shared_bytes_per_block + target.shared_reserved_bytes_per_block <= target.shared_bytes_per_sm
    assert target.shared_bytes_per_block % target.shared_allocation_unit_bytes == 0
    assert target.registers_per_sm % target.register_allocation_unit == 0
    assert target.max_blocks_per_sm <= target.max_warps_per_sm


@every_gpu
def test_gpus_of_one_compute_capability_share_its_limits(name):
    limits = ("max_threads_per_sm", "max_blocks_per_sm", "shared_bytes_per_sm", "shared_bytes_per_block")
    target = load(name)
    for other in map(load, names()):
        if other.compute_capability == target.compute_capability:
            assert [getattr(other, limit) for limit in limits] == [getattr(target, limit) for limit in limits]


@every_gpu
def test_float32_rate_follows_from_cores_and_clock(name):
    """64 or 128 multiply-adds a clock an SM: a slip in SMs, clock or rate shows here."""
    target = load(name)
    per_clock = target.fp32_tflops * 1e6 / (target.sm_count * target.boost_clock_mhz)
    assert min(abs(per_clock / 128 - 1), abs(per_clock / 256 - 1)) < 0.02


@every_gpu
def test_tensor_rates_follow_from_each_other(name):
    target = load(name)
    if target.compute_capability < (8, 0):
        assert target.tf32_tflops is None
        assert target.bf16_tflops is None
    else:
        assert target.tf32_tflops * 2 == pytest.approx(target.fp16_tflops, rel=0.02)
        assert target.bf16_tflops == target.fp16_tflops
        assert target.tf32_tflops >= target.fp32_tflops
    # Tensor cores do a power of two of operations a clock; some chips lower the clock for them, none raises it.
    per_clock = math.log2(target.fp16_tflops * 1e6 / (target.sm_count * target.boost_clock_mhz))
    assert math.ceil(per_clock - 0.01) - per_clock < 0.13


@pytest.mark.parametrize(
    ("name", "per_clock"),
    [
        ("v100", 1024), ("t4", 1024), ("a100-40", 2048), ("a100-80", 2048),
        ("rtx3090", 512), ("rtx4090", 512), ("rtx5090", 512),
        ("a10", 1024), ("l4", 1024), ("l40s", 1024), ("rtx6000ada", 1024),
    ],
)  # fmt: skip
def test_float16_rate_is_dense_and_accumulates_in_float32(name, per_clock):
    """GeForce cards do that at half the rate; a rate with sparsity, or with float16 sums, would be twice as high."""
    target = load(name)
    assert target.fp16_tflops * 1e6 / (target.sm_count * target.boost_clock_mhz) == pytest.approx(per_clock, rel=0.02)


@every_gpu
def test_memories_are_of_a_believable_size_and_speed(name):
    target = load(name)
    assert 200 <= target.dram_gb_per_s <= 10_000
    assert 16 * 2**30 <= target.dram_bytes <= 512 * 2**30
    assert 4 * 2**20 <= target.l2_bytes <= 256 * 2**20
    if target.l2_bytes_per_clk_per_sm is not None:
        l2_gb_per_s = target.l2_bytes_per_clk_per_sm * target.sm_count * target.boost_clock_mhz / 1e3
        assert 2 < l2_gb_per_s / target.dram_gb_per_s < 10
    if target.l2_latency_cycles is not None and target.dram_latency_cycles is not None:
        assert 150 < target.l2_latency_cycles < target.dram_latency_cycles < 1000


def test_rows_are_one_a_gpu_in_order():
    rows = gpu_rows()
    assert [row.name for row in rows] == list(names())
    row = next(row for row in rows if row.name == "rtx4090")
    assert (row.compute_capability, row.shared_kb_per_sm, row.shared_kb_per_block, row.l2_mb) == ("8.9", 100, 99, 72)
    assert (row.boost_clock_mhz, row.dram_gb) == (2520, 24)
    assert sum(row.read.values()) == sum(fact.value is not None for fact in gpu_facts("rtx4090"))
    assert "4090" in row.aliases
