"""What a grid says of the lengths of axes, part by part."""

from __future__ import annotations

import pytest

from tilewright.families.contraction.emit_sizes import grid_texts
from tilewright.source.launches import find_launches

TEXT = """\
import triton


@triton.jit
def k(x, n):
    pass


def run(x, n, batch):
    {before}
    k[{grid}](x, n)
"""


@pytest.mark.parametrize(
    ("before", "grid", "expected"),
    [
        ("pass", "(n, batch)", ["n", "batch"]),
        ("grid = lambda META: (triton.cdiv(n, META['B']), batch)", "grid", [None, "batch"]),
        ("grid = (n,) if n else (1,)", "grid", None),
        ("grid = (n,); grid = (batch,)", "grid", None),
    ],
)
def test_a_part_that_rests_on_a_tuned_value_hides_no_other(
    before: str, grid: str, expected: list[str | None] | None
) -> None:
    text = TEXT.format(before=before, grid=grid)
    assert grid_texts(text, find_launches(text)[0]) == expected
