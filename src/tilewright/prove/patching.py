"""Let the interpreter prepare ``triton.language`` once a launch, and work with every numpy: worker side.

Triton's interpreter replaces every builtin of ``triton.language`` by its own whenever a device function is called,
``tl.sum`` and ``tl.max`` included, which takes milliseconds each time. Inside one launch the first time is enough.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

import triton.language as tl
from triton.runtime import interpreter as triton_interpreter


class _Nothing:
    def restore(self) -> None:
        """There is nothing to take back."""


def _whole_number(scalar: Any) -> int:
    """Triton 3.6 leaves it to numpy to make a number of an array of one element, which numpy 2.4 refuses."""
    return int(scalar.handle.data.item())


@contextlib.contextmanager
def patch_once_a_launch() -> Iterator[None]:
    """Skip repeated preparations inside the context."""
    executor = triton_interpreter.GridExecutor
    original_call, original_patch = executor.__call__, triton_interpreter._patch_lang
    done: list[set[frozenset[int]]] = []

    def call(self: Any, *args: Any, **kwargs: Any) -> Any:
        done.append(set())
        try:
            return original_call(self, *args, **kwargs)
        finally:
            done.pop()

    def patch(fn: Any) -> Any:
        languages = frozenset(id(v) for v in fn.__globals__.values() if v is tl or v is tl.core)
        if done and languages in done[-1]:
            return _Nothing()
        if done:
            done[-1].add(languages)
        scope = original_patch(fn)
        scope.set_attr(tl.core.tensor, "__index__", _whole_number)
        return scope

    executor.__call__, triton_interpreter._patch_lang = call, patch
    try:
        yield
    finally:
        executor.__call__, triton_interpreter._patch_lang = original_call, original_patch
