"""What a finalist does on other GPUs and in other dtypes, and which of its entries stay."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tilewright import search
from tilewright.api.options import read_request
from tilewright.capture import capture
from tilewright.families.contraction import emit_launch
from tilewright.records.schedule import Schedule
from tilewright.search import portable
from tilewright.search.accept import original_of
from tilewright.search.analyse import analyse
from tilewright.search.explore import Explored, write_and_build
from tilewright.search.joint import STAGE
from tilewright.search.portable import Portability, places_for, portability

EXAMPLE = Path(__file__).parents[2] / "examples/flat_grid_matmul/input.py"
LARGE_TILE = {
    "program_order": "row_major",
    "group_m": 1,
    "persistent": True,
    "block_m": 128,
    "block_n": 256,
    "block_k": 64,
    "num_warps": 8,
    "num_stages": 4,
    "a_layout": "k_major",
    "b_layout": "n_major",
    "descriptors": True,
}


@pytest.mark.parametrize(
    ("failing", "spilling", "times_us", "kept"),
    [
        ({}, {}, [10, 9, 12], [0, 1, 2]),
        ({}, {1: "spills"}, [10, 9.9, 12], [0, 2]),
        ({}, {1: "spills"}, [10, 9, 12], [0, 1, 2]),
        ({}, {0: "spills"}, [10], [0]),
        ({1: "does not fit"}, {}, [10, 9, 12], [0, 2]),
        ({1: "does not fit"}, {0: "spills"}, [10, 9, 12], [0, 2]),
        ({0: "does not fit"}, {}, [10], []),
    ],
    ids=["all run", "as fast without", "slower without", "nothing else", "fails", "fails and spills", "all fail"],
)
def test_what_fails_goes_and_what_spills_elsewhere_goes_where_that_costs_nothing(
    failing: dict[int, str], spilling: dict[int, str], times_us: list[float], kept: list[int]
) -> None:
    assert Portability(fault="", failing=failing, spilling=spilling).kept(times_us) == kept


def test_a_large_tile_of_16_bits_starts_with_32_bits_too_since_its_steps_get_shorter(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(portable, "ARCHITECTURES", ())  # the target alone is what is asked about here
    request, target = read_request(
        str(EXAMPLE), gpu="h200", metrics=None, reference=None, inputs="A=f16[4096,4096] B=f16[4096,4096]"
    )
    with search.Session(target, interprets=False) as session:
        inputs = capture(request.source, target=target, worker=session.capture_worker, inputs=request.inputs)
        (analysed,) = analyse(inputs, session, metrics={}, stage=STAGE)
        own = analysed.lifted.schedule
        original = original_of(request.source, inputs, None, session, precision="same", seed=0)

        def written(schedule: Schedule) -> Explored:
            found = write_and_build(request.source, analysed, (schedule,), inputs, STAGE, session)
            assert isinstance(found, Explored), found
            return found

        large = replace(own, **LARGE_TILE)  # type: ignore[arg-type]
        shorter = written(large)
        assert ".element_size() <= 2 else (32, 2)" in shorter.candidate.text
        assert portability(shorter, own, original, session).failing == {}

        monkeypatch.setattr(portable, "BUILT_DTYPES", ("fp32",))
        monkeypatch.setattr(emit_launch, "wide_numbers_exceed", lambda algorithm, schedule: False)
        longer = written(large)
        (reason,) = portability(longer, own, original, session).failing.values()
        assert "bytes of shared memory for fp32 on sm_90" in reason


def test_ampere_and_ada_stand_for_each_other() -> None:
    assert places_for((8, 9)) == [(8, 9), (9, 0), (10, 0)]
    assert places_for((9, 0)) == [(9, 0), (8, 0), (10, 0)]
    assert places_for((8, 6)) == [(8, 6), (8, 0), (9, 0), (10, 0)]
