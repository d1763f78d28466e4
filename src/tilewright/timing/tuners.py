"""A file's autotuners: whether they have finished, and what they chose. Worker side."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from typing import Any

from triton.runtime.autotuner import Autotuner

_runs = 0
_watched = False


def watch() -> None:
    """Count from now on how often any tuner measures a configuration.

    Raises:
        RuntimeError: something has replaced Triton's tuner in this process, as a proof does.
    """
    global _watched
    if _watched:
        return
    if Autotuner.run.__module__ != Autotuner.__module__:
        raise RuntimeError("autotuning is not Triton's own in this process: files are timed in a worker of their own")
    measure = Autotuner._bench

    def counted(tuner: Any, *args: Any, **kwargs: Any) -> Any:
        global _runs
        _runs += 1
        return measure(tuner, *args, **kwargs)

    Autotuner._bench = counted
    _watched = True


def measured() -> int:
    """Configurations that tuners have measured in this process."""
    return _runs


def of(path: str) -> list[Any]:
    """The tuners of the kernels that a file defines, in the order of its lines."""
    found = {id(tuner): tuner for tuner in _all() if _place(tuner)[0] == path}
    return sorted(found.values(), key=lambda tuner: _place(tuner)[1])


def copy_choices(tuners: list[Any], like: list[Any]) -> None:
    """Give tuners the choices of those of another import of the same text."""
    if len(tuners) != len(like):
        return
    for own, other in zip(tuners, like, strict=True):
        own.cache.update(other.cache)


def choices(tuners: list[Any]) -> list[str]:
    """What each tuner goes on with, in words: ``kernel: BLOCK: 64, num_warps: 4 …``."""
    said = []
    for tuner in tuners:
        chosen = list(tuner.cache.values()) or [getattr(tuner, "best_config", None)]
        said += [f"{tuner.base_fn.__name__}: {config}" for config in chosen if config is not None]
    return list(dict.fromkeys(said))


def _all() -> Iterator[Any]:
    # not isinstance(), which asks objects of whatever kind for their __class__
    yield from (each for each in gc.get_objects() if issubclass(type(each), Autotuner))


def _place(tuner: Any) -> tuple[str, int]:
    code = getattr(getattr(tuner, "base_fn", None), "__code__", None)
    return ("", 0) if code is None else (code.co_filename, code.co_firstlineno)
