"""The stress run in miniature: candidates that go down cost the others nothing, and leave nothing behind."""

from __future__ import annotations

import importlib
import os
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

CHOSEN = {
    "honest: pointwise block 64 loop",
    "honest: reduction 4 rows by 32",
    "wrong: pointwise grid for twice the block (block 32)",
    "wrong: pointwise remembers its first answer (block 32)",
    "wrong: reduction float16 total (2 rows by 16)",
    "crash: pointwise sends itself a segmentation fault",
    "crash: pointwise loads 16 TiB away",
    "crash: pointwise raises SystemExit by another name",
    "hang: pointwise leaves a detached child and sleeps",
    "out of bounds: pointwise a block 2 KB after the end",
    "out of bounds: pointwise nine programs too many",
    "out of memory: pointwise a block of 64 TiB",
}
TOKEN = f"miniature{os.getpid()}"


@pytest.fixture
def stress(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The harness of the GPU suite, which is a script."""
    monkeypatch.syspath_prepend(str(Path(__file__).parents[1] / "gpu"))
    module = importlib.import_module("stress_candidates")
    monkeypatch.setenv(module.watch.MARK, TOKEN)
    return module


def test_every_candidate_gets_its_verdict_and_none_stays(stress: ModuleType) -> None:
    lanes: Any = importlib.import_module("stress_lanes")
    found = stress.candidates(0, "never written", gpu=False, count=200)
    chosen = [one for one in found if f"{one.kind}: {one.task} {one.name}" in CHOSEN]
    assert {f"{one.kind}: {one.task} {one.name}" for one in chosen} == CHOSEN
    # honest ones have time to spare on a busy machine; who hangs need not take it all
    patient = lanes.Settings(device="none", limit_s=40.0, memory_bytes=2 << 30, seed=0, spares=1)
    ended = []
    with lanes.Bench(patient) as bench:
        provers = lanes.make_provers(patient, {one.task for one in chosen}, 1)
        for settings, hangs in ((patient, False), (replace(patient, limit_s=4.0), True)):
            some = [one for one in chosen if (one.kind == "hang") is hangs]
            ended += lanes.run(some, settings, provers, bench, parallel=1)
    assert any("did not end within 4 s" in one.reason for one in ended)
    assert 1 < bench.taken < len(chosen)
    told = stress.summary(ended, 0.0)
    assert told["not_as_expected"] == []
    assert told["right"] == len(CHOSEN)
    assert stress.watch.processes_with(TOKEN) == []


def test_a_run_that_is_out_of_time_begins_nothing(stress: ModuleType) -> None:
    lanes: Any = importlib.import_module("stress_lanes")
    settings = lanes.Settings(device="none", limit_s=4.0, memory_bytes=0, seed=0)
    found = stress.candidates(0, "never written", gpu=False, count=20)
    assert list(lanes.run(found, settings, {}, None, parallel=2, deadline=0.0)) == []


def test_the_full_run_has_the_numbers_that_it_should(stress: ModuleType) -> None:
    full = stress.candidates(1, "litter", gpu=True, count=200)
    counts: dict[str, int] = {}
    for one in full:
        counts[one.kind] = counts.get(one.kind, 0) + 1
        assert "TILE_" not in one.text
        assert "class ModelNew" in one.text
    assert counts == stress.NUMBERS
    assert len({one.text for one in full}) == len(full) == 200
    assert [one.name for one in full] == [one.name for one in stress.candidates(1, "litter", gpu=True, count=200)]
    some = stress.candidates(1, "litter", gpu=False, count=40)
    assert len(some) == 40
    assert {one.kind for one in some} == set(stress.NUMBERS)
    assert not any(one.needs_gpu for one in some)


def test_what_is_left_behind_is_seen(stress: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    watch: Any = stress.watch
    (tmp_path / "kept").write_text("a")
    (tmp_path / "edited").write_text("a")
    for folder in (tmp_path / "near", tmp_path / "near" / "far"):
        folder.mkdir()
    before = watch.snapshot({tmp_path: 2}, ["*/left_out*"])
    (tmp_path / "edited").write_text("ab")
    (tmp_path / "new").write_text("a")
    (tmp_path / "left_out.txt").write_text("a")
    (tmp_path / "near" / "new").write_text("a")
    (tmp_path / "near" / "far" / "new").write_text("a")
    after = watch.snapshot({tmp_path: 2}, ["*/left_out*"])
    assert watch.changed(before, after) == [str(tmp_path / name) for name in ("edited", "near/new", "new")]
    assert watch.littered("new", [str(tmp_path), str(tmp_path), "/nowhere"]) == [tmp_path / "new"]
