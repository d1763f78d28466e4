"""Single schedules for a search that measures: legal, within the fields asked for, and none left out that matters."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from tilewright import stages, targets
from tilewright.api.options import read_request
from tilewright.capture import PRELOAD, capture
from tilewright.cost import estimate
from tilewright.families import contraction, lift
from tilewright.families.contraction import illegal
from tilewright.records.launch import ScalarArgument
from tilewright.records.schedule import Schedule
from tilewright.records.trial import Lifted

SEED = str(Path(__file__).parents[3] / "examples/seed/prompt.txt")
H200 = targets.load("h200")


@pytest.fixture(scope="module")
def seed(shelf) -> Lifted:
    request, target = read_request(SEED, gpu="h200", metrics=None, reference=None, inputs=None)
    with shelf.worker(preload=PRELOAD) as worker:
        found = capture(request.source, target=target, worker=worker, inputs=request.inputs)
    family, lifted = lift(found.launches[0])
    assert family is contraction
    return lifted


@pytest.mark.parametrize("stage", stages.all_stages(), ids=lambda stage: stage.name)
def test_only_the_asked_fields_differ_and_all_is_legal(seed: Lifted, stage: object) -> None:
    owned = stage.fields  # type: ignore[attr-defined]
    found = contraction.variants(seed, seed.schedule, H200, owned)
    assert found
    assert len(set(found)) == len(found)
    assert seed.schedule not in found
    for one in found:
        differing = {
            field.name for field in fields(Schedule) if getattr(one, field.name) != getattr(seed.schedule, field.name)
        }
        assert differing <= set(owned)
        assert illegal(one, seed, H200) is None


def test_the_tile_that_was_measured_fastest_is_among_them(seed: Lifted) -> None:
    found = contraction.variants(seed, seed.schedule, H200, ("block_m", "block_n", "block_k"))
    assert replace(seed.schedule, block_m=64, block_n=256, block_k=32) in found


def test_fields_are_combined(seed: Lifted) -> None:
    found = contraction.variants(seed, seed.schedule, H200, ("block_m", "block_n", "block_k", "num_warps"))
    assert any(one.num_warps != seed.schedule.num_warps and one.block_m != seed.schedule.block_m for one in found)


def test_an_order_of_the_input_s_own_is_left_only_for_one_that_can_be_written(seed: Lifted) -> None:
    custom = replace(seed.schedule, program_order="custom")
    assert contraction.variants(seed, custom, H200, ("num_warps",)) == ()
    moved = contraction.variants(seed, custom, H200, ("program_order", "group_m"))
    assert moved
    assert all(one.program_order != "custom" for one in moved)


LAYOUT_FIELDS = ("a_layout", "b_layout", "descriptors")


def layouts(found: tuple[Schedule, ...]) -> set[tuple[str, str, bool]]:
    return {(one.a_layout, one.b_layout, one.descriptors) for one in found}


def test_float32_on_hopper_is_offered_along_k_and_16_bit_as_it_lies_too(seed: Lifted) -> None:
    found = contraction.variants(seed, seed.schedule, H200, LAYOUT_FIELDS)
    assert layouts(found) == {("k_major", "as_is", False), ("k_major", "k_major", True)}
    half = replace(seed.algorithm, a=replace(seed.algorithm.a, dtype="fp16"), b=replace(seed.algorithm.b, dtype="fp16"))
    found = contraction.variants(replace(seed, algorithm=half), seed.schedule, H200, LAYOUT_FIELDS)
    assert ("m_major", "k_major", True) in layouts(found)


def test_older_targets_are_offered_pointers_only(seed: Lifted) -> None:
    found = contraction.variants(seed, seed.schedule, targets.load("rtx4090"), LAYOUT_FIELDS)
    assert layouts(found) == {("k_major", "as_is", False)}


def test_large_tiles_go_with_descriptors(seed: Lifted) -> None:
    tile = {"block_m": 128, "block_n": 256, "block_k": 32, "num_warps": 8, "num_stages": 4}
    best = replace(seed.schedule, a_layout="k_major", b_layout="k_major", descriptors=True, **tile)
    assert best in contraction.variants(seed, seed.schedule, H200, (*LAYOUT_FIELDS, *tile))
    assert ("as_is", "as_is", False) in layouts(contraction.variants(seed, best, H200, LAYOUT_FIELDS))


def test_what_means_nothing_beside_a_descriptor_stays(seed: Lifted) -> None:
    found = contraction.variants(seed, seed.schedule, H200, (*LAYOUT_FIELDS, "pointers", "masks"))
    described = {(one.pointers, one.masks) for one in found if one.descriptors}
    assert described == {(seed.schedule.pointers, seed.schedule.masks)}


@pytest.mark.parametrize(("size", "described"), [((2048, 4096, 8192), True), ((64, 64, 64), False)])
def test_descriptors_are_ranked_first_where_the_copy_is_worth_it(
    seed: Lifted, size: tuple[int, int, int], described: bool
) -> None:
    m, n, k = size
    strides = {"stride_am": 1, "stride_ak": m, "stride_bn": k, "stride_bk": 1, "stride_cm": n, "stride_cn": 1}
    values = {"M": m, "N": n, "K": k, **strides}
    arguments = tuple(
        replace(one, value=values[one.parameter]) if isinstance(one, ScalarArgument) else one
        for one in seed.launch.arguments
    )
    case = replace(seed, launch=replace(seed.launch, arguments=arguments))
    fields_ = (*LAYOUT_FIELDS, "block_m", "block_n", "block_k", "num_warps", "num_stages")
    found = contraction.variants(case, seed.schedule, H200, fields_)
    best = min(found, key=lambda one: estimate(contraction.work(case, one, case.launch), H200).time_us)
    assert best.descriptors is described
    assert (best.a_layout, best.b_layout) == (("k_major", "k_major") if described else ("as_is", "as_is"))


def test_a_copy_counts_only_for_what_does_not_lie_so(seed: Lifted) -> None:
    described = replace(seed.schedule, a_layout="k_major", b_layout="k_major", descriptors=True)
    done = contraction.work(seed, described, seed.launch)
    assert (done.copies, done.copied_bytes) == (1, 2 * done.operands[0].total_bytes)
    assert [operand.contiguous_axis for operand in done.operands] == ["k", "k"]
    crosswise = contraction.work(seed, replace(described, a_layout="m_major"), seed.launch)
    assert crosswise.copies == 0
