"""``tilewright report``: from a file or the store, to a file or stdout."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tilewright.store import Store

KEPT = Path(__file__).parents[1] / "data" / "report" / "seed_predicted.json"


@pytest.fixture
def kept(tmp_path: Path) -> Path:
    """A store with one finished run."""
    path = tmp_path / "runs.sqlite"
    with Store(path).begin({"path": "prompt.txt"}, versions={"python": "3.12"}) as log:
        log.finish(json.loads(KEPT.read_text(encoding="utf-8")))
    return path


def test_a_file_becomes_a_page(tilewright, tmp_path: Path) -> None:
    out = tmp_path / "report.html"
    ended = tilewright("report", KEPT, "-o", out)
    assert (ended.code, ended.out, ended.err) == (0, "", "")
    assert out.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


@pytest.mark.parametrize("options", [["--format", "markdown"], ["-o", "report.md"]])
def test_markdown_is_asked_for_or_follows_the_name(
    tilewright, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = tilewright("report", KEPT, *options)
    written = (tmp_path / "report.md").read_text(encoding="utf-8") if "-o" in options else ended.out
    assert ended.code == 0
    assert written.startswith("## Tilewright: matmul_kernel\n")


@pytest.mark.parametrize("name", [[], ["last"]])
def test_a_kept_run_by_its_name(tilewright, kept: Path, name: list[str]) -> None:
    ended = tilewright("report", *name, "--store", kept)
    assert ended.code == 0, ended.err
    assert "<title>matmul_kernel: Tilewright report</title>" in ended.out


def test_a_run_that_is_not_finished_is_shown_as_far_as_it_came(tilewright, tmp_path: Path) -> None:
    path = tmp_path / "runs.sqlite"
    with Store(path).begin({"path": "prompt.txt"}, versions={}) as log:
        log.document(json.loads(KEPT.read_text(encoding="utf-8")))
        ended = tilewright("report", "--store", path, "--format", "markdown")
    assert ended.code == 0, ended.err
    assert "**UNFINISHED" in ended.out


def test_no_such_run(tilewright, kept: Path) -> None:
    ended = tilewright("report", "nowhere", "--store", kept)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.count("\n") == 1
    assert "nowhere" in ended.err


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, "cannot be read"),
        ("no json", "not JSON"),
        ("[]", "holds no run"),
        ('{"kind": "certificate"}', "holds no run"),
    ],
)
def test_a_file_that_holds_no_run(tilewright, tmp_path: Path, content: str | None, said: str) -> None:
    path = tmp_path / "run.json"
    if content is not None:
        path.write_text(content, encoding="utf-8")
    ended = tilewright("report", path)
    assert ended.code == 2
    assert ended.err.count("\n") == 1
    assert said in ended.err
    assert str(path) in ended.err


def test_an_output_that_cannot_be_written_is_found_before_the_work(tilewright, tmp_path: Path) -> None:
    ended = tilewright("report", KEPT, "-o", tmp_path / "nowhere" / "report.html")
    assert ended.code == 2
    assert "does not exist" in ended.err


def test_what_json_alone_holds_is_enough(tilewright, tmp_path: Path) -> None:
    """``optimize --json`` writes no texts, no certificate and no versions."""
    document: dict[str, Any] = json.loads(KEPT.read_text(encoding="utf-8"))
    for key in ("texts", "certificate", "versions", "created_utc", "run"):
        del document[key]
    (tmp_path / "run.json").write_text(json.dumps(document), encoding="utf-8")
    ended = tilewright("report", tmp_path / "run.json")
    assert ended.code == 0
    assert "holds no source text" in ended.out
    assert "holds no certificate" in ended.out
