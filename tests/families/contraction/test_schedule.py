"""Legal schedules, and candidates of the grid stage."""

from dataclasses import replace

import pytest
from emit_cases import ADA, STAGE, batched, lifted

from tilewright.families.contraction.emit_signature import tuned_fields
from tilewright.families.contraction.schedule import MOST_TIGHT, candidates, crowded, illegal, tight
from tilewright.families.contraction.work import work
from tilewright.records.schedule import Schedule

VALUES = {"M": 20, "N": 70, "K": 36, "stride_xb": 720, "stride_xm": 36, "stride_wb": 2520, "stride_wk": 70, "HEADS": 2}
OWNED = {"program_order", "group_m", "split_k", "persistent"}
TUNABLE = {"block_m", "block_n", "block_k", "num_warps", "num_stages"}


@pytest.fixture(scope="module")
def wide() -> tuple[tuple[Schedule, ...], ...]:
    return candidates(lifted(), ADA, STAGE)


@pytest.fixture(scope="module")
def narrow() -> tuple[tuple[Schedule, ...], ...]:
    return candidates(lifted(M=256, N=256, K=8192, stride_am=1, stride_ak=256, stride_bk=1, stride_bn=8192), ADA, STAGE)


def test_plans_change_only_what_the_stage_owns(wide: tuple[tuple[Schedule, ...], ...]) -> None:
    base = Schedule()
    assert wide
    for plan in wide:
        for entry in plan:
            same = {name: getattr(base, name) for name in OWNED | (TUNABLE if len(plan) > 1 else set())}
            assert replace(entry, **same) == base
            assert illegal(entry, lifted(), ADA) is None
        assert plan != (base,)


def test_lists_tune_one_group_and_hold_the_input_s_own_configuration(wide: tuple[tuple[Schedule, ...], ...]) -> None:
    lists = [plan for plan in wide if len(plan) > 1]
    assert {tuned_fields(plan) for plan in lists} == {"block", "launch"}
    own = {name: getattr(Schedule(), name) for name in TUNABLE}
    for plan in lists:
        assert any(replace(entry, **own) == entry for entry in plan)
        assert not any(crowded(entry) for entry in plan)
        assert sum(map(tight, plan)) <= MOST_TIGHT
    assert len(set(wide)) == len(wide)


def test_no_plan_brings_a_limit_of_grid_axes_that_the_input_does_not_have() -> None:
    many = lifted(batched(), kernel="bmm_kernel", grid=(6, 1, 1), **VALUES)
    assert "third axis" in (illegal(Schedule(), many, ADA) or "")
    assert illegal(Schedule(program_order="column_major"), many, ADA) is None
    assert illegal(Schedule(split_k=2, program_order="row_major"), many, ADA) is None
    assert "second axis" in (illegal(Schedule(program_order="grid_2d_swapped"), lifted(), ADA) or "")


def test_every_program_order_and_persistence_are_offered(wide: tuple[tuple[Schedule, ...], ...]) -> None:
    orders = {entry.program_order for plan in wide for entry in plan}
    assert orders == {"grid_2d", "row_major", "column_major", "grouped"}
    assert any(entry.persistent for plan in wide for entry in plan)


def test_k_is_split_only_where_tiles_leave_sms_idle(
    wide: tuple[tuple[Schedule, ...], ...], narrow: tuple[tuple[Schedule, ...], ...]
) -> None:
    assert {entry.split_k for plan in wide for entry in plan} == {1}
    assert {entry.split_k for plan in narrow for entry in plan} == {1, 2, 4, 8, 16}


@pytest.mark.parametrize(
    ("change", "word"),
    [
        pytest.param({"block_m": 48}, "powers of two", id="odd block"),
        pytest.param({"block_k": 8}, "tl.dot", id="below the minimum"),
        pytest.param({"block_m": 256, "block_n": 256, "block_k": 128}, "shared memory", id="shared memory"),
        pytest.param({"block_m": 256, "block_n": 256, "block_k": 16, "num_warps": 2}, "spill", id="registers"),
        pytest.param({"persistent": True}, "one axis", id="persistent grid of two axes"),
        pytest.param({"persistent": True, "program_order": "row_major", "split_k": 2}, "split", id="persistent split"),
        pytest.param({"group_m": 4}, "grouped", id="group without grouped order"),
        pytest.param({"descriptors": True}, "contiguous", id="descriptors of what may lie anyhow"),
        pytest.param({"a_layout": "k_major", "b_layout": "k_major", "descriptors": True}, "9.0", id="older target"),
        pytest.param({"a_layout": "n_major"}, "layout", id="an axis that A does not have"),
    ],
)
def test_illegal_schedules_are_refused_with_a_reason(change: dict[str, object], word: str) -> None:
    assert word in (illegal(replace(Schedule(), **change), lifted(), ADA) or "")


def test_work_counts_tiles_bytes_and_flops() -> None:
    done = work(lifted(), Schedule(program_order="grouped", group_m=8), lifted().launch)
    assert done.programs == 2048
    assert done.k_steps == 128
    assert done.flops == {"tensor_tf32": 2.0 * 2048 * 4096 * 8192}
    assert done.minimum_dram_bytes == 4.0 * (2048 * 8192 + 4096 * 8192 + 2048 * 4096)
    assert [operand.contiguous_axis for operand in done.operands] == ["m", "k"]


def test_work_of_a_batched_problem_reads_its_batch_from_the_grid() -> None:
    case = lifted(batched(), kernel="bmm_kernel", grid=(6, 1, 1), **VALUES)
    done = work(case, Schedule(block_m=32, block_n=64, block_k=32, input_precision="ieee"), case.launch)
    assert done.tiles is not None
    assert (done.tiles.batch, done.tiles.num_m, done.tiles.num_n) == (6, 1, 2)
    assert done.flops.keys() == {"fp32"}
