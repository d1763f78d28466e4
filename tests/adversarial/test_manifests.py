"""The manifests leave nothing out: no file, no trick, no accident of the published kernels."""

from __future__ import annotations

import ast
import hashlib
import runpy
from pathlib import Path

import corpus
import pytest

ROOT = Path(__file__).parents[2]
ENTRIES = [*corpus.hostile(), *corpus.honest()]


@pytest.mark.parametrize("kind", ["hostile", "honest"])
def test_files_and_entries_are_the_same(kind: str) -> None:
    listed = [entry.name for entry in ENTRIES if entry.kind == kind]
    assert len(set(listed)) == len(listed)
    assert sorted(listed) == sorted(path.stem for path in (corpus.FOLDER / kind).glob("*.py"))


@pytest.mark.parametrize("kind", ["hostile", "honest"])
def test_there_are_forty_that_differ(kind: str) -> None:
    texts = {hashlib.sha256(entry.path.read_bytes()).digest() for entry in ENTRIES if entry.kind == kind}
    assert len(texts) >= 40
    assert len(texts) == sum(entry.kind == kind for entry in ENTRIES)


def test_every_reference_is_there_and_used() -> None:
    used = {entry.reference for entry in ENTRIES}
    assert used == {f"references/{path.name}" for path in (corpus.FOLDER / "references").glob("*.py")}


def test_every_original_is_there() -> None:
    assert [e.name for e in ENTRIES if e.original is not None and not (corpus.FOLDER / e.original).is_file()] == []


def test_every_trick_is_played_or_answered() -> None:
    played = {trick for entry in corpus.hostile() for trick in entry.tricks}
    answered = {item.trick for item in corpus.harness()}
    assert played | answered == set(corpus.TRICKS)


@pytest.mark.parametrize("accident", corpus.LEFTOVERS)
def test_the_published_leftovers_are_there(accident: str) -> None:
    assert [entry.name for entry in corpus.hostile() if entry.accident == accident]


@pytest.mark.parametrize("entry", [pytest.param(e, id=f"{e.kind}/{e.name}") for e in ENTRIES])
def test_an_entry_says_what_is_expected(entry: corpus.Entry) -> None:
    if entry.kind == "honest":
        assert (entry.status, entry.refused_by, entry.tricks) == ("proved", (), ())
    else:
        assert entry.status in ("refuted", "undecided")
        assert entry.refused_by
        assert entry.tricks or entry.accident
        assert not entry.hidden_of or entry.hidden_of in {e.name for e in corpus.hostile()}
    assert entry.precision in ("same", "no-worse", "tolerance")
    assert entry.title
    assert not entry.title.endswith(".")


@pytest.mark.parametrize("entry", [pytest.param(e, id=f"{e.kind}/{e.name}") for e in ENTRIES])
def test_a_file_is_a_kernel_file(entry: corpus.Entry) -> None:
    tree = ast.parse(entry.path.read_text())
    assert "ModelNew" in {node.name for node in tree.body if isinstance(node, ast.ClassDef)}
    functions = {node.name for node in tree.body if isinstance(node, ast.FunctionDef)}
    assert not functions & {"get_inputs", "get_init_inputs"}


def test_the_page_is_up_to_date() -> None:
    script = runpy.run_path(str(ROOT / "scripts" / "document_adversarial.py"))
    assert (ROOT / "docs" / "adversarial.md").read_text() == script["document"](), (
        "run: python scripts/document_adversarial.py"
    )
