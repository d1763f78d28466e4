"""What counters make of a diagnosis: the seed's kernel as it ran on an H200, and each counter by itself."""

from dataclasses import replace
from pathlib import Path

import pytest
from cost_cases import ADA, HOPPER, contraction, pointwise

from tilewright.cost import counters, diagnose, estimate, shares, slowest_first
from tilewright.profiling import read_metrics
from tilewright.records.build import Build, InstructionMix
from tilewright.records.profile import Diagnosis
from tilewright.stages import all_stages, get

DATA = Path(__file__).parents[1] / "data"
SEED = read_metrics(str(DATA / "h200_seed_ncu.csv"), ("matmul_kernel",)).metrics["matmul_kernel"]
LOOP = {"HGMMA": 8, "LDGSTS": 40, "IADD3": 16, "SEL": 21}
COPIES = {"LDGSTS.E": 32, "LDGSTS.E.BYPASS.128": 8, "HGMMA.64x64x8.F32.TF32": 8}
"""What Triton 3.6 and 3.9 make of the seed's loop for sm_90."""


def build(*, loop=LOOP, copies=COPIES, shared=98304) -> Build:
    return Build(
        kernel="matmul_kernel",
        compute_capability=(9, 0),
        num_warps=4,
        num_stages=3,
        registers_per_thread=90,
        spill_bytes=0,
        shared_bytes=shared,
        mix=InstructionMix(loop=loop, outside={}, loop_modifiers=copies),
        triton_version="",
        ptxas_version="",
        content_hash="",
    )


def run(work, target, *, built=None, metrics=None, stage="grid_and_parallel"):
    found = estimate(work, target, built)
    return diagnose(
        kernel=work.kernel,
        build=built,
        occupancy=found.occupancy,
        waves=found.waves,
        estimate=found,
        metrics=metrics or {},
        target=target,
        stage=get(stage),
        stages=all_stages(),
    )


def test_the_seed_on_an_h200_is_held_up_by_its_operand_s_layout() -> None:
    found = run(contraction(), HOPPER, built=build(), metrics=SEED)
    assert found.binds == "shared"
    assert found.summary.startswith("Operand layout: an operand crosses into shared memory 4 bytes at a time")
    assert "bank conflicts fill 64% of the time (measured)" in found.summary
    assert found.fields[:2] == ("a_layout", "b_layout")
    assert found.stage == "advanced_memory"
    text = "\n".join(found.evidence)
    assert "2,048 programs are 7.76 waves of 264" in text
    assert "the grid is large enough" in text
    assert "434,722,015 bank conflicts (measured) are 3,293,349 extra passes on each SM, 64% of the launch's" in text
    assert "32 of the main loop's 40 asynchronous copies move 4 bytes a thread (LDGSTS without .128" in text
    assert "SM throughput is 10.88 % of peak (measured), below the 60 %" in text
    assert "at 0.70 % of the most that could be issued (measured); the cores were predicted to be busy 9" in text
    assert "A launch took 2,605.5 us (measured)" in text
    assert "7.76 waves, the last of them 76% full (measured); 7.76 predicted" in text
    assert "DRAM runs at 6.1 % of peak (measured)" in text


def test_before_it_was_measured_the_copies_in_the_binary_say_the_same() -> None:
    found = run(contraction(), HOPPER, built=build(), stage="advanced_memory")
    assert found.binds == "shared"
    assert "shared memory takes 9" in found.summary
    assert "(predicted)" in found.summary
    assert found.stage == "advanced_memory"


def test_few_conflicts_that_were_counted_outweigh_the_prediction() -> None:
    metrics = {**SEED, counters.CONFLICTS: 1e6}
    assert run(contraction(), HOPPER, built=build(), metrics=metrics).binds != "shared"


def test_conflicts_without_copies_that_turn_are_lanes_in_one_bank() -> None:
    wide = {"LDGSTS.E.BYPASS.128": 8}
    halves = {**{n: v for n, v in SEED.items() if n != counters.CONFLICTS}, **dict.fromkeys(counters.CONFLICTS_OF, 2e8)}
    found = run(contraction(), HOPPER, built=build(loop={"HMMA": 64}, copies=wide), metrics=halves)
    assert found.binds == "shared"
    assert found.summary.startswith("Lanes meet in banks")
    assert "block_m" in found.fields


def measured(reason: str, warps: float) -> dict[str, float]:
    return {counters.STALL.format(reason): warps, counters.STALL.format("barrier"): 0.4}


FULL = {"sm__warps_active.avg.pct_of_peak_sustained_active": 80.0}


@pytest.mark.parametrize(
    ("metrics", "binds", "words"),
    [
        ({counters.TENSOR: 91.0}, "tensor", "Tensor cores work 91 % of the cycles (measured)"),
        ({counters.L2_THROUGHPUT: 88.0}, "l2", "L2 is 88 % busy (measured)"),
        ({counters.TIME: 6000.0}, "launch", "costs about 2.5 of 6.0 us (measured)"),
        (
            {**FULL, **measured("long_scoreboard", 7.25)},
            "latency",
            "Warps wait for global or local memory: 7.2 of them",
        ),
        ({**FULL, **measured("mio_throttle", 3.0)}, "shared", "find the queue to shared memory full: 3.0"),
        ({**FULL, **measured("not_selected", 2.0)}, "issue", "were ready while another one issued: 2.0"),
        ({"dram__throughput.avg.pct_of_peak_sustained_elapsed": 92.0}, "dram", "DRAM is at 92 % of peak (measured)"),
    ],
    ids=["tensor", "l2", "launch", "latency", "shared", "issue", "dram"],
)
def test_what_was_measured_names_what_binds(metrics, binds, words) -> None:
    found = run(contraction(tile=(64, 64, 32), warps=4, stages=2), ADA, metrics=metrics)
    assert found.binds == binds
    assert words in found.summary


def test_a_reason_to_wait_that_is_rare_names_nothing() -> None:
    found = run(contraction(tile=(64, 64, 32), stages=2), ADA, metrics={**FULL, **measured("wait", 0.6)})
    assert "measured" not in found.summary


def test_every_counter_is_said_beside_what_was_predicted() -> None:
    metrics = {
        counters.TIME: 2.3e6,
        counters.TENSOR: 40.0,
        counters.L2_THROUGHPUT: 30.0,
        counters.WAVES: 16.0,
        counters.CONFLICTS: 5e6,
        counters.PASSES: 6e8,
        "dram__bytes_read.sum": 4e8,
        "dram__bytes_write.sum": 1e8,
        counters.SECTORS.format("ld"): 16.0,
        counters.LOCAL[0]: 12.0,
        counters.LOCAL[1]: 8.0,
    }
    text = "\n".join(run(contraction(), ADA, metrics=metrics).evidence)
    for words in (
        "A launch took 2,300.0 us (measured); 2,",
        "Tensor cores work 40 % of the cycles (measured); ",
        "L2 is 30 % busy (measured); ",
        "The grid is 16.00 waves (measured); 16.00 predicted.",
        "5,000,000 bank conflicts (measured) of 600,000,000 passes through shared memory are 39,062 extra passes",
        "500.0 MB crossed DRAM (measured); ",
        "32-byte sectors that a warp touches: 16.0 a load (measured).",
        "20 instructions moved spilled registers or local arrays (measured).",
    ):
        assert words in text
    assert all("predicted" in one or "measured" in one for one in text.splitlines() if "measured" in one)


def test_a_time_that_the_model_misses_is_said() -> None:
    text = "\n".join(run(contraction(), ADA, metrics={counters.TIME: 9e6}).evidence)
    assert "so that the model misses something here" in text
    short = run(pointwise(bytes_read=4e6, bytes_written=4e6, programs=2000), ADA, metrics={counters.TIME: 15000.0})
    assert "Starting it is about 2.5 us of that" in "\n".join(short.evidence)


def test_without_counters_nothing_is_added() -> None:
    facts = run(contraction(), ADA)
    assert all("(measured)" not in sentence for sentence in facts.evidence)


def test_kernels_are_ordered_by_what_they_took() -> None:
    def of(name: str) -> Diagnosis:
        return Diagnosis(kernel=name, binds="dram", summary="", evidence=(), stage="", fields=())

    found = slowest_first([of("a"), of("b"), of("c")], {"b": 5.0, "a": 2.0})
    assert [one.kernel for one in found] == ["b", "a", "c"]
    assert shares({"b": 6.0, "a": 2.0}) == {"b": 0.75, "a": 0.25}
    assert shares({}) == {}


def test_the_clock_and_the_chip_decide_what_conflicts_mean() -> None:
    twice = replace(HOPPER, sm_count=2 * HOPPER.sm_count)
    assert run(contraction(), twice, built=build(), metrics=SEED).summary != ""
    slow = "\n".join(run(contraction(), twice, built=build(), metrics=SEED).evidence)
    assert "32% of the launch's cycles" in slow
