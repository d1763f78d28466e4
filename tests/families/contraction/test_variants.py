"""Single schedules for a search that measures: legal, within the fields asked for, and none left out that matters."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import pytest

from tilewright import stages, targets
from tilewright.api.options import read_request
from tilewright.capture import PRELOAD, capture
from tilewright.families import contraction, lift
from tilewright.families.contraction import illegal
from tilewright.records.schedule import Schedule
from tilewright.records.trial import Lifted
from tilewright.workers import Worker

SEED = str(Path(__file__).parents[3] / "examples/seed/prompt.txt")
H200 = targets.load("h200")


@pytest.fixture(scope="module")
def seed() -> Lifted:
    request, target = read_request(SEED, gpu="h200", metrics=None, reference=None, inputs=None)
    with Worker(preload=PRELOAD) as worker:
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
