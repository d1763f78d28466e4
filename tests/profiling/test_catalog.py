"""Which names are asked for: all in the catalog, and each only where the chip has it."""

from __future__ import annotations

import pytest

from tilewright import targets
from tilewright.cost import counters, evidence
from tilewright.profiling import all_metrics, catalog, metrics_of, valid_names
from tilewright.profiling.names import SECTION_NAMES
from tilewright.stages import all_stages

TIME = "gpu__time_duration.sum"
STAGES = [*all_stages(), None]


@pytest.mark.parametrize("stage", STAGES, ids=lambda stage: stage.name if stage else "core")
@pytest.mark.parametrize("gpu", targets.names())
def test_every_name_that_is_asked_for_exists_on_the_chip(stage, gpu) -> None:
    target = targets.load(gpu)
    names = metrics_of(stage, target)
    assert names[0] == TIME
    assert len(names) == len(set(names))
    assert all(all_metrics()[name].exists_on(target.compute_capability) for name in names)
    assert len(names) <= 12


@pytest.mark.parametrize("stage", all_stages(), ids=lambda stage: stage.name)
def test_what_a_stage_is_judged_by_is_measured(stage) -> None:
    names = {threshold.metric for threshold in stage.thresholds}
    assert names <= set(stage.metrics)
    assert names <= all_metrics().keys()


def test_what_the_evidence_reads_and_what_tables_mean_is_in_the_catalog() -> None:
    read = {value for name, value in vars(evidence).items() if name.isupper() and isinstance(value, str)}
    read |= {value for name, value in vars(counters).items() if name.isupper() and isinstance(value, str)}
    read |= set(evidence.DRAM_THROUGHPUTS) | set(SECTION_NAMES.values()) | set(counters.LOCAL + counters.CONFLICTS_OF)
    read |= {counters.STALL.format(reason) for reason in counters.STALLS} | {
        n for two in counters.DRAM_BYTES for n in two
    }
    read |= {counters.SECTORS.format(op) for op in ("ld", "st")}
    assert {name for name in read if "__" in name and "{" not in name} <= all_metrics().keys()


def test_every_entry_is_whole() -> None:
    for metric in all_metrics().values():
        assert metric.unit
        assert metric.meaning
        assert metric.source
        assert metric.chips[0] <= metric.chips[1]
        assert all(metric.exists_on(capability) for capability in metric.checked)
        assert metric.instead == "" or metric.instead in all_metrics()
        assert catalog.missing(metric.name) is None


def test_a_chip_that_calls_it_otherwise_gets_its_own_name() -> None:
    names, notes = valid_names(["dram__bytes_read.sum"], (12, 0))
    assert names == (TIME, "dram__bytes_op_read.sum")
    assert notes == (
        "dram__bytes_read.sum does not exist on compute capability 12.0; dram__bytes_op_read.sum is read instead",
    )
    assert valid_names(["dram__bytes_op_read.sum"], (9, 0))[0] == (TIME, "dram__bytes_read.sum")


def test_copied_names_that_no_chip_has_are_replaced_or_left_out() -> None:
    stalled = "smsp__warp_issue_stalled_{}_per_warp_active.pct"
    fp32 = "sm__inst_executed_pipe_fp32.avg.pct_of_peak_sustained_active"
    names, notes = valid_names([stalled.format("memory_dependency"), fp32], (8, 9))
    assert names == (TIME, stalled.format("long_scoreboard"))
    assert len(notes) == 2
    assert all("exists on no chip that was checked" in note for note in notes)


def test_names_beyond_the_catalog_are_the_profiler_s_to_judge() -> None:
    assert valid_names(["sm__cycles_active.avg"], (9, 0)) == ((TIME, "sm__cycles_active.avg"), ())


def test_gmma_stalls_are_asked_for_on_hopper_alone() -> None:
    name = "smsp__average_warps_issue_stalled_gmma_per_issue_active.ratio"
    assert valid_names([name], (9, 0))[0] == (TIME, name)
    names, notes = valid_names([name], (8, 9))
    assert names == (TIME,)
    assert notes == (f"{name} does not exist on compute capability 8.9",)
