"""Moves that no stage makes alone, looked for from the input after all of them."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from tilewright import search
from tilewright.api.options import read_request
from tilewright.capture import capture
from tilewright.search import joint
from tilewright.search.analyse import analyse
from tilewright.search.joint import STAGE, explore_jointly, to_beat
from tilewright.stages import UNOWNED_FIELDS, all_stages, under_policy

EXAMPLE = Path(__file__).parents[2] / "examples/seed"


def test_the_seed_gets_a_large_tile_and_descriptors_together_or_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(joint, "PLANS_BUILT", 1)  # the one predicted fastest is what is asked for here
    request, target = read_request(
        str(EXAMPLE / "prompt.txt"), gpu="h200", metrics=None, reference=str(EXAMPLE / "reference.py"), inputs=None
    )
    with search.Session(target, interprets=False) as session:
        found = capture(request.source, target=target, worker=session.capture_worker, reference=request.reference_path)
        (analysed,) = analyse(found, session, metrics={}, stage=STAGE)
        before = analysed.analysis.estimate
        assert before is not None
        (stage,) = under_policy((STAGE,), "same")
        explored, _ = explore_jointly(request.source, analysed, found, before, stage, session)
        best = explored[0]
        (schedule,) = best.candidate.schedules
        assert (schedule.a_layout, schedule.b_layout, schedule.descriptors) == ("k_major", "k_major", True)
        assert schedule.block_m * schedule.block_n >= 128 * 128
        assert before.time_us / best.estimate.time_us > 4
        assert explore_jointly(request.source, analysed, found, best.estimate, stage, session) == ((), ())
        (stage,) = under_policy((STAGE,), "no-worse")
        (narrowed, *_), _ = explore_jointly(request.source, analysed, found, best.estimate, stage, session)
        assert narrowed.candidate.schedules[0].operand_dtype == "fp16"


@pytest.mark.parametrize("stage", all_stages(), ids=lambda stage: stage.name)
def test_it_may_move_what_any_stage_owns_and_nothing_else(stage: object) -> None:
    assert set(stage.fields) <= set(STAGE.fields)  # type: ignore[attr-defined]
    assert not UNOWNED_FIELDS & set(STAGE.fields)


def test_it_has_to_beat_what_the_stages_made_of_the_kernel_and_spares_files_with_another_one_rewritten() -> None:
    def launch(kernel: str) -> SimpleNamespace:
        return SimpleNamespace(kernel=kernel)

    def accepted(kernel: str, estimate: str) -> SimpleNamespace:
        return SimpleNamespace(candidate=SimpleNamespace(kernel=kernel), estimate=estimate)

    slowest = SimpleNamespace(launch=launch("product"), estimate="its own")
    split, summed, other = accepted("product", "split"), accepted("product_reduce", "summed"), accepted("softmax", "?")
    alone = [launch("product")]
    assert to_beat(alone, slowest, []) == "its own"  # type: ignore[arg-type, comparison-overlap]
    assert to_beat(alone, slowest, [split, summed]) == "split"  # type: ignore[arg-type, comparison-overlap, list-item]
    both = [launch("product"), launch("softmax")]
    assert to_beat(both, slowest, [split]) == "split"  # type: ignore[arg-type, comparison-overlap, list-item]
    assert to_beat(both, slowest, [split, other]) is None  # type: ignore[arg-type, list-item]
