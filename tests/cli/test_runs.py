"""``tilewright runs``, and what a store that cannot be used does to the commands that need it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tilewright.store import Store

REQUEST = {"path": "a/rather/long/way/to/kernel.py", "gpu": "rtx4090", "device": "none", "stage": "block_tiling"}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.sqlite"


def test_no_run_yet(tilewright, path: Path) -> None:
    ended = tilewright("runs", "--store", path)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out == "NONE  no run has been kept yet; `tilewright optimize` keeps each of its runs\n"
    told = json.loads(tilewright("runs", "--store", path, "--json").out)
    assert told == {"schema": 1, "kind": "runs", "runs": []}


def test_runs_are_listed_newest_first(tilewright, path: Path) -> None:
    store = Store(path)
    with store.begin(REQUEST, versions={}) as first:
        first.best("text", "x1.50 [1.20, 1.87] predicted")
        first.finish({"result": "improved"})
    with store.begin(REQUEST, versions={}) as second:
        second.best("text", "x1.10 [1.05, 1.15] measured")
    listed = tilewright("runs", "--store", path)
    assert listed.code == 0
    lines = listed.out.splitlines()
    assert lines[0] == "RUNS  2 runs"
    places = [next(number for number, line in enumerate(lines) if run.id in line) for run in (second, first)]
    assert places == sorted(places)
    assert "interrupted" in lines[places[0]]
    assert "improved" in lines[places[1]]
    assert all("way/to/kernel.py" in lines[place] for place in places)
    block = " ".join(lines[places[1] :])
    assert all(word in block for word in ("x1.50", "[1.20,", "1.87]", "predicted"))
    assert lines[-1] == "INTERRUPTED  1: `tilewright resume RUN` goes on"
    told = json.loads(tilewright("runs", "--store", path, "--json").out)
    assert [(run["id"], run["state"], run["best"]) for run in told["runs"]] == [
        (second.id, "interrupted", "x1.10 [1.05, 1.15] measured"),
        (first.id, "finished", "x1.50 [1.20, 1.87] predicted"),
    ]
    assert told["runs"][0]["path"] == REQUEST["path"]


COMMANDS = [
    pytest.param(["optimize", "KERNEL", "--store", "STORE"], id="optimize"),
    pytest.param(["runs", "--store", "STORE"], id="runs"),
    pytest.param(["resume", "last", "--store", "STORE"], id="resume"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_a_store_that_cannot_be_used_is_one_line(tilewright, elementwise: Path, path: Path, command) -> None:
    path.write_text("no database, but a text that somebody keeps there " * 20)
    before = path.read_text()
    ended = tilewright(*({"KERNEL": elementwise, "STORE": path}.get(word, word) for word in command))
    assert (ended.code, ended.out) == (2, "")
    assert re.fullmatch(rf"tilewright: {path}: is no store of runs .*--no-store\n", ended.err), ended.err
    assert path.read_text() == before


UNKNOWN = [
    pytest.param("last", "no run has been kept yet; `tilewright optimize` keeps", id="empty store"),
    pytest.param("20990101-0000-xxxx", "no run has been kept yet", id="no such run"),
]


@pytest.mark.parametrize(("name", "expected"), UNKNOWN)
def test_a_run_that_is_not_there(tilewright, path: Path, name: str, expected: str) -> None:
    ended = tilewright("resume", name, "--store", path)
    assert (ended.code, ended.out) == (2, "")
    assert expected in ended.err
    assert len(ended.err.splitlines()) == 1


def test_store_and_no_store(tilewright, elementwise: Path, path: Path) -> None:
    ended = tilewright("optimize", elementwise, "--store", path, "--no-store")
    assert (ended.code, ended.err) == (2, "tilewright: --store with --no-store: leave one of them away\n")
    assert not path.exists()


def test_a_run_that_is_not_to_be_kept(tilewright, elementwise: Path, path: Path, monkeypatch) -> None:
    monkeypatch.setenv("TILEWRIGHT_STORE", str(path))
    ended = tilewright("optimize", elementwise, "--inputs", "x=f32[16384,4096]", "--no-store")
    assert ended.code == 0, ended.err
    assert "kept as run" not in ended.err
    assert not path.exists()


def test_an_input_that_cannot_be_used_leaves_no_run(tilewright, elementwise: Path, path: Path) -> None:
    """Neither one that cannot be read, nor one whose wrapper stops."""
    assert tilewright("optimize", "nowhere.py", "--store", path).code == 2
    assert tilewright("optimize", elementwise, "--inputs", "x=f32[4] y=f32[4]", "--store", path).code == 2
    assert json.loads(tilewright("runs", "--store", path, "--json").out)["runs"] == []
