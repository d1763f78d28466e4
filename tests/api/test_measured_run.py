"""``optimize`` on a GPU, as a user calls it: kept, reported, and gone on with; the GPU is stood in for."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from measured_bench import MeasuredBench, schedule_in

import tilewright
from tilewright.api import measuring
from tilewright.records.estimate import Provenance
from tilewright.search.measured import Options

SEED = Path(__file__).parents[2] / "examples/seed/prompt.txt"


class Bench(MeasuredBench):
    """As the GPU's, to be opened and closed."""

    def __init__(self, *_: object, **given: Mapping[str, Any]) -> None:
        super().__init__(unknown_us=900.0)
        made.append(self)
        self.given = given

    def __enter__(self) -> Bench:
        return self

    def __exit__(self, *_: object) -> None:
        self.closed = True


made: list[Bench] = []


@pytest.fixture(autouse=True)
def _an_h200(monkeypatch: pytest.MonkeyPatch) -> None:
    made.clear()
    monkeypatch.setattr(measuring.host, "gpu_is_visible", lambda: True)
    monkeypatch.setattr(measuring, "gpu_name", lambda: "NVIDIA H200")
    monkeypatch.setattr(measuring, "GpuWorkbench", Bench)
    monkeypatch.setattr(measuring, "Options", functools.partial(Options, built=2))


@pytest.mark.usefixtures("warm")
def test_a_measured_run_is_kept_reported_and_finished(tmp_path: Path) -> None:
    store = tmp_path / "runs.sqlite"
    result = tilewright.optimize(
        SEED.read_text(encoding="utf-8"), gpu="h200", stage="block_tiling", store=store, seed=1, precision="same"
    )
    (bench,) = made
    assert bench.closed
    assert (bench.given["precision"], bench.given["seed"]) == ("same", 1)
    assert result.improved
    assert schedule_in(result.source) is not None
    assert result.speedup is not None
    assert result.speedup.provenance is Provenance.MEASURED
    assert result.speedup.low < result.speedup.value < result.speedup.high
    assert result.verification is not None
    assert result.verification.claim.candidate.text == result.source
    (accepted,) = (trial for trial in result.document["trials"] if trial["accepted"])
    assert accepted["changes"]
    page = result.report()
    assert page.startswith("<!DOCTYPE html>")
    assert "measured" in page
    assert "NVIDIA H200" in result.report("markdown")
    (row,) = tilewright.runs(store=store)
    assert (row.state, row.result) == ("finished", "improved")
    assert tilewright.render_report(row.id, store=store) == page


@pytest.mark.usefixtures("warm")
def test_another_target_is_predicted_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    called: list[object] = []
    monkeypatch.setattr(measuring, "run_on_gpu", lambda *_, **__: called.append(1))
    with pytest.raises(tilewright.InputError, match="measures on the GPU in this machine"):
        tilewright.optimize(SEED, gpu="4090", device="cuda")
    assert not called
    assert not made
