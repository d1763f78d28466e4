from dataclasses import replace

import pytest
from cost_cases import ADA, HOPPER, contraction, pointwise

from tilewright.cost import diagnose, estimate
from tilewright.records.build import Build, InstructionMix
from tilewright.stages import all_stages, get

SEED_METRICS = {
    "sm__throughput.avg.pct_of_peak_sustained_elapsed": 37.63,
    "launch__grid_size": 2048,
    "sm__warps_active.avg.pct_of_peak_sustained_active": 8.33,
    "dram__throughput.avg.pct_of_peak_sustained_elapsed": 28.11,
    "lts__t_sector_hit_rate.pct": 92.41,
}


def build(*, registers=128, shared=65536, spill_bytes=0, **loop: int) -> Build:
    return Build(
        kernel="matmul",
        compute_capability=(8, 9),
        num_warps=4,
        num_stages=3,
        registers_per_thread=registers,
        spill_bytes=spill_bytes,
        shared_bytes=shared,
        mix=InstructionMix(
            loop={"HMMA": 64, "LDS": 67, "LDSM": 16, "IMAD": 120, **loop}, outside={}, loop_modifiers={}
        ),
        triton_version="",
        ptxas_version="",
        content_hash="",
    )


def run(work, target=ADA, *, built=None, metrics=None, stage="grid_and_parallel"):
    found = estimate(work, target, built)
    return diagnose(
        kernel=work.kernel,
        build=built,
        occupancy=found.occupancy,
        waves=found.waves,
        estimate=found,
        metrics=metrics or {},
        target=target,
        stage=get(stage) if stage else None,
        stages=all_stages(),
    )


def test_the_seed_is_short_of_shared_memory_and_not_of_programs():
    found = run(contraction(), built=build(), metrics=SEED_METRICS)
    assert found.binds == "occupancy"
    assert found.summary.startswith("One program an SM for want of shared memory")
    assert found.fields == ("block_m", "block_n", "block_k", "num_stages")
    assert found.stage == "block_tiling"
    text = "\n".join(found.evidence)
    assert "2,048 programs are 16.00 waves of 128" in text
    assert "the grid is large enough" in text
    assert "65,536 B of the 102,400 B" in text
    assert "8.33 %, can be active (predicted); 8.33 % were (measured): they agree" in text
    assert "hit rate is 92.41 % (measured)" in text
    assert "Program order has little to gain" in text
    assert "only through an autotune list over either block_m, block_n, block_k or num_stages" in text


def test_every_number_says_whether_it_was_measured():
    found = run(contraction(), built=build(), metrics=SEED_METRICS)
    words = ("measured", "predicted", "from the binary", "each resource alone", "Stage ")
    assert all(any(word in sentence for word in words) for sentence in found.evidence)


def test_disagreeing_measurements_are_not_called_agreement():
    found = run(
        contraction(),
        built=build(),
        metrics={
            **SEED_METRICS,
            next(iter(SEED_METRICS)): 30.0,
            "launch__grid_size": 1024,
            "sm__warps_active.avg.pct_of_peak_sustained_active": 16.6,
        },
    )
    text = "\n".join(found.evidence)
    assert "they agree" not in text
    assert "The profiler saw 1,024 programs (measured), not 2,048" in text


def test_a_measured_dram_bound_names_program_order_where_traffic_is_wasted():
    metrics = {"dram__throughput.avg.pct_of_peak_sustained_elapsed": 91.0}
    work = contraction(m=16384, n=16384, k=1024, order="row_major")
    found = run(work, replace(ADA, l2_bytes=6_000_000), metrics=metrics)
    assert found.binds == "dram"
    assert "91 % of peak (measured)" in found.summary
    assert found.fields == ("program_order", "group_m", "block_m", "block_n")
    assert found.stage == "grid_and_parallel"


def test_a_copy_has_no_field_that_helps():
    found = run(pointwise(bytes_read=2e9, bytes_written=2e9, programs=100_000))
    assert found.binds == "dram"
    assert found.fields == ()
    assert "(predicted)" in found.summary


def test_a_binary_that_multiplies_matrices_is_no_copy_though_only_its_bytes_are_known():
    found = run(pointwise(bytes_read=2e9, bytes_written=2e9, programs=100_000), built=build(shared=0))
    assert found.binds == "dram"
    assert "what it multiplies is not counted" in found.summary
    assert "only fewer bytes help" not in found.summary


@pytest.mark.parametrize(
    ("work", "built", "binds"),
    [
        (contraction(m=64, n=64, k=100_000), None, "grid"),
        (contraction(m=64 * 129, n=64, k=20_000), None, "tail"),
        (pointwise(bytes_read=1e4, bytes_written=1e4, programs=4), None, "launch"),
        (contraction(), build(spill_bytes=400, LDL=40, STL=20), "spills"),
        (contraction(tile=(128, 256, 64), stages=4, warps=8), None, "shared_memory"),
        (contraction(), build(registers=255, shared=1024), "l2"),
    ],
    ids=["few programs", "tail", "launch", "spills", "does not fit", "l2"],
)
def test_what_binds(work, built, binds):
    found = run(work, built=built)
    assert found.binds == binds
    assert found.summary.endswith(".")


def test_transposing_copies_on_hopper_are_a_matter_of_layout():
    found = run(contraction(tile=(128, 128, 32), warps=8), HOPPER)
    assert found.binds == "shared"
    assert "a_layout" in found.fields
    assert found.stage == "advanced_memory"
    assert any("owns none of" in one or "autotune list" in one for one in found.evidence)


def test_register_limits_are_said_from_the_binary():
    busy = {**SEED_METRICS}
    found = run(contraction(), built=build(registers=255, shared=1024), metrics=busy)
    assert found.binds == "occupancy"
    assert found.fields == ("block_m", "block_n", "num_warps")
    assert any("255 registers in each of 128 threads" in one for one in found.evidence)


def test_stalls_are_held_against_their_threshold():
    stalls = {"smsp__warp_issue_stalled_long_scoreboard_per_warp_active.pct": 35.0}
    found = run(contraction(), built=build(spill_bytes=8), metrics=stalls, stage=None)
    text = "\n".join(found.evidence)
    assert "35 % of resident warps wait for memory (measured), above the 20 % allowed" in text
    assert "8 B of stack, none of it touched in its main loop" in text
