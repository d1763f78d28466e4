"""Python text as a syntax tree, one thread at a time.

CPython builds the objects of a tree with one counter for the whole process. Where a collection of garbage in the middle
runs a finalizer, another thread can begin a tree of its own, and the first ends with SystemError ("AST constructor
recursion depth mismatch", CPython issue 106905). Runs parse in several threads, so all of them come through here.
"""

from __future__ import annotations

import ast
import threading
from typing import Any

_lock = threading.RLock()


def parse(text: str) -> ast.Module:
    """See :func:`ast.parse`."""
    with _lock:
        return ast.parse(text)


def parse_expression(text: str) -> ast.expr:
    """The one expression that a text consists of; see :func:`ast.parse`."""
    with _lock:
        return ast.parse(text, mode="eval").body


def literal(text: str) -> Any:
    """See :func:`ast.literal_eval`."""
    with _lock:
        return ast.literal_eval(text)
