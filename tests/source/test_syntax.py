"""Trees built in several threads, with finalizers in between."""

from __future__ import annotations

import ast
import gc
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from tilewright.source import syntax

TEXT = "\n".join(f"x{index} = a[{index}] * (b + {index})" for index in range(200))


@pytest.fixture
def collections_that_give_way() -> Iterator[None]:
    """Collections of garbage come often, and each lets another thread go on."""
    before = gc.get_threshold()

    def give_way(_phase: str, _info: dict[str, int]) -> None:
        time.sleep(0)

    gc.freeze()
    gc.callbacks.append(give_way)
    gc.set_threshold(60)
    yield
    gc.set_threshold(*before)
    gc.callbacks.remove(give_way)
    gc.unfreeze()


@pytest.mark.usefixtures("collections_that_give_way")
def test_threads_that_parse_do_not_break_each_other_off(tmp_path: Path) -> None:
    path = tmp_path / "values.npy"
    np.save(path, np.ones(3))
    done = threading.Event()
    loaded, broken_off = [], []

    def load() -> None:
        while not done.is_set():
            try:
                with syntax.whole_trees():
                    loaded.append(np.load(path).sum())
            except SystemError as error:
                broken_off.append(error)

    threads = [threading.Thread(target=load) for _ in range(2)]
    for thread in threads:
        thread.start()
    try:
        trees = {ast.dump(syntax.parse(TEXT)) for _ in range(60)}
    finally:
        done.set()
        for thread in threads:
            thread.join()
    assert len(trees) == 1
    assert set(loaded) == {3.0}
    assert not broken_off


def test_collections_go_on_afterwards() -> None:
    assert gc.isenabled()
    with syntax.whole_trees():
        with syntax.whole_trees():
            assert not gc.isenabled()
        assert not gc.isenabled()
    assert gc.isenabled()
    with pytest.raises(SyntaxError):
        syntax.parse("x =")
    assert gc.isenabled()


def test_whoever_does_without_collections_still_does() -> None:
    gc.disable()
    try:
        syntax.parse("x = 1")
        assert not gc.isenabled()
    finally:
        gc.enable()


def test_they_parse_as_ast_does() -> None:
    assert ast.dump(syntax.parse("x = 1\n")) == ast.dump(ast.parse("x = 1\n"))
    assert ast.dump(syntax.parse_expression("a + 1")) == ast.dump(ast.parse("a + 1", mode="eval").body)
    assert syntax.literal("(1, 'a')") == (1, "a")
