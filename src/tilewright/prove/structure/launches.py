"""Which kernels are launched while a model runs, and a world in which launches do nothing: worker side.

Autotuners and heuristics end in the ``run`` of the kernel itself, interpreted or compiled, which is where this looks.
Launches that only compile, and those by which a tuner takes times, are not counted.
"""

from __future__ import annotations

import contextlib
import os
import re
import types
from collections.abc import Callable, Iterator
from typing import Any

from triton.compiler.compiler import CompiledKernel
from triton.runtime.autotuner import Autotuner
from triton.runtime.interpreter import InterpretedFunction
from triton.runtime.jit import JITFunction

_ATOMIC_ASSEMBLY = re.compile(r"\b(?:atom|red)\.")


class LaunchLog:
    """The launches of one call."""

    def __init__(self, source_path: str, *, no_op: bool, on_launch: Callable[[tuple[Any, ...]], None]) -> None:
        self.source_path, self.no_op, self.on_launch = os.path.realpath(source_path), no_op, on_launch
        self.counts: dict[tuple[str, bool], int] = {}
        self.trials = 0
        self.depth = 0
        self.atomics = False
        self._codes: dict[types.CodeType, tuple[str, bool]] = {}

    def note(self, function: Any, values: tuple[Any, ...]) -> None:
        """Count a launch of the Python function ``function``."""
        self.on_launch(values)
        if self.trials:
            return
        code = function.__code__
        known = self._codes.get(code)
        if known is None:
            known = (code.co_name, os.path.realpath(code.co_filename) == self.source_path)
            self._codes[code] = known
            self.atomics = self.atomics or has_atomics(function)
        self.counts[known] = self.counts.get(known, 0) + 1

    def told(self) -> list[dict[str, Any]]:
        """Return each launched kernel, whether the candidate's file holds it, and how often it was launched."""
        return [{"kernel": name, "own": own, "count": count} for (name, own), count in sorted(self.counts.items())]

    @contextlib.contextmanager
    def trial(self) -> Iterator[None]:
        """Count no launches inside: a tuner takes times."""
        self.trials += 1
        try:
            yield
        finally:
            self.trials -= 1


_current: list[LaunchLog] = []
_last_result: dict[Any, Any] = {}


@contextlib.contextmanager
def trial() -> Iterator[None]:
    """Count no launches inside, whichever call is being watched; for a stand-in of Triton's tuner."""
    with contextlib.ExitStack() as stack:
        for log in _current:
            stack.enter_context(log.trial())
        yield


def replacements(log: LaunchLog) -> list[tuple[Any, str, Any]]:
    """Return what to set while ``log`` listens: (owner, attribute, value)."""
    bench, started = Autotuner._bench, CompiledKernel.__getitem__

    def measure(tuner: Any, *args: Any, **kwargs: Any) -> Any:
        with log.trial():
            return bench(tuner, *args, **kwargs)

    def start(compiled: Any, grid: Any) -> Any:
        def launch(*args: Any, **kwargs: Any) -> Any:
            log.note(compiled.src.fn.fn, args)
            return None if log.no_op else started(compiled, grid)(*args, **kwargs)

        return launch

    return [
        (InterpretedFunction, "run", _running(log, InterpretedFunction.run)),
        (JITFunction, "run", _running(log, JITFunction.run)),
        (Autotuner, "_bench", measure),
        (CompiledKernel, "__getitem__", start),
    ]


def _running(log: LaunchLog, original: Any) -> Any:
    def run(kernel: Any, *args: Any, grid: Any, warmup: bool, **kwargs: Any) -> Any:
        if warmup:
            return original(kernel, *args, grid=grid, warmup=warmup, **kwargs)
        log.note(kernel.fn, (*args, *kwargs.values()))
        if log.no_op:
            return _last_result.get(kernel)
        log.depth += 1
        try:
            result = original(kernel, *args, grid=grid, warmup=warmup, **kwargs)
        finally:
            log.depth -= 1
        # what a launch returns is a handle of the compiled kernel, which wrappers may ask for registers or spills
        _last_result[kernel] = result
        return result

    return run


@contextlib.contextmanager
def listening(log: LaunchLog) -> Iterator[None]:
    """Let :func:`trial` reach ``log`` inside the context."""
    _current.append(log)
    try:
        yield
    finally:
        _current.remove(log)


def has_atomics(function: Any) -> bool:
    """Tell whether a kernel, or a jitted helper that it names, uses ``tl.atomic_*`` or atomic assembly."""
    seen: set[types.CodeType] = set()
    pending = [function]
    while pending:
        item = pending.pop()
        code = getattr(item, "__code__", None)
        if not isinstance(code, types.CodeType) or code in seen:
            continue
        seen.add(code)
        if any(_is_atomic(part) for part in _parts(code)):
            return True
        for name in code.co_names:
            value = getattr(item, "__globals__", {}).get(name)
            if _is_atomic(getattr(value, "__name__", "")):
                return True
            pending.append(_python_function(value))
    return False


def _python_function(value: Any) -> Any:
    for _ in range(8):
        if isinstance(value, types.FunctionType):
            return value
        value = getattr(value, "fn", None)
    return None


def _parts(code: types.CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, str):
            if _ATOMIC_ASSEMBLY.search(constant):
                yield "atomic_assembly"
        elif isinstance(constant, types.CodeType):
            yield from _parts(constant)


def _is_atomic(name: Any) -> bool:
    return isinstance(name, str) and name.startswith("atomic_")
