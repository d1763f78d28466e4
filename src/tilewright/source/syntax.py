"""Python text as a syntax tree, in several threads.

CPython builds the objects of a tree with one counter for the whole process. Where a collection of garbage in the middle
runs a finalizer, another thread can begin a tree of its own, and one of the two ends with SystemError ("AST constructor
recursion depth mismatch", CPython issue 106905). Runs parse in several threads, so all of them come through here, and
what a library parses for them too (NumPy the head of a file, for one): with no collection, no thread steps in between.
"""

from __future__ import annotations

import ast
import contextlib
import gc
import threading
from collections.abc import Iterator
from typing import Any


class _Collector:
    """Python's collector of garbage, held back while anybody asks for it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._asked = 0
        self._was_on = False

    def hold_back(self) -> None:
        with self._lock:
            if self._asked == 0:
                self._was_on = gc.isenabled()
                gc.disable()
            self._asked += 1

    def let_go(self) -> None:
        with self._lock:
            self._asked -= 1
            if self._asked == 0 and self._was_on:
                gc.enable()


_collector = _Collector()


@contextlib.contextmanager
def whole_trees() -> Iterator[None]:
    """Whatever is parsed in here is parsed in one go; for short calls into libraries that parse."""
    _collector.hold_back()
    try:
        yield
    finally:
        _collector.let_go()


def parse(text: str) -> ast.Module:
    """See :func:`ast.parse`."""
    with whole_trees():
        return ast.parse(text)


def parse_expression(text: str) -> ast.expr:
    """The one expression that a text consists of; see :func:`ast.parse`."""
    with whole_trees():
        return ast.parse(text, mode="eval").body


def literal(text: str) -> Any:
    """See :func:`ast.literal_eval`."""
    with whole_trees():
        return ast.literal_eval(text)
