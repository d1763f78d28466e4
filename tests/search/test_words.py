"""How a schedule is named in reasons and refusals."""

from __future__ import annotations

import pytest

from tilewright.records.schedule import Schedule
from tilewright.search.changes import describe

OPAQUE = {"block_m": 0, "block_n": 0, "block_k": 0}


@pytest.mark.parametrize(
    ("schedule", "words"),
    [
        pytest.param(Schedule(), "grid_2d order, 64x64x64, 4 warps, 3 stages", id="plain"),
        pytest.param(
            Schedule(program_order="grouped", group_m=8, num_warps=1, num_stages=1),
            "grouped order (8), 64x64x64, 1 warp, 1 stage",
            id="grouped",
        ),
        pytest.param(
            Schedule(program_order="row_major", split_k=4),
            "row_major order, 64x64x64, 4 warps, 3 stages, K split 4 ways",
            id="split",
        ),
        pytest.param(
            Schedule(program_order="row_major", persistent=True),
            "row_major order, 64x64x64, 4 warps, 3 stages, persistent",
            id="persistent",
        ),
        pytest.param(Schedule(**OPAQUE, num_warps=8), "8 warps, 3 stages", id="not lifted"),
        pytest.param(
            Schedule(**OPAQUE, program_order="grid_2d_swapped"),
            "grid axes swapped, 4 warps, 3 stages",
            id="not lifted, swapped",
        ),
    ],
)
def test_schedule_in_a_few_words(schedule: Schedule, words: str) -> None:
    assert describe(schedule) == words
