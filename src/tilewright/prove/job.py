"""Run one kernel file in Triton's interpreter: worker side."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from typing import Any

import torch
from triton.language import standard
from triton.runtime.interpreter import InterpretedFunction

from tilewright.prove import arithmetic, bounds, device, runner, tuning


class _Interpreter:
    """Triton's interpreter on the CPU that pretends to be a GPU."""

    device = "cpu"

    def __init__(self) -> None:
        torch.set_num_threads(1)
        # for the life of the process: a file may keep what it finds here, and replace it
        self._lasting = contextlib.ExitStack()
        self._lasting.enter_context(torch.no_grad())
        self._lasting.enter_context(device.cuda_on_cpu())
        self.tuned = self._lasting.enter_context(tuning.see_through_autotune())

    def reseed(self, seed: int) -> None:
        """Set the generators that a file can draw from."""
        torch.default_generator.manual_seed(seed)

    def place(self, values: torch.Tensor, strides: list[int] | None, offset: int, _name: str) -> torch.Tensor:
        """A tensor whose gaps, where its strides leave some, hold poison."""
        if strides is None and not offset:
            return values
        strides = list(values.stride()) if strides is None else strides
        extent = 1 + sum((size - 1) * stride for size, stride in zip(values.shape, strides, strict=True))
        storage = device.poison(torch.zeros(max(extent, 1) + offset, dtype=values.dtype))
        # an expanded dimension is one place in memory, which can be written once only
        once = tuple(slice(0, 1) if stride == 0 else slice(None) for stride in strides)
        storage.as_strided(values[once].shape, strides, offset).copy_(values[once])
        return storage.as_strided(values.shape, strides, offset)

    @contextlib.contextmanager
    def call(self, named: str, tensors: list[tuple[str, torch.Tensor]]) -> Iterator[None]:
        """The named arithmetic, with every access checked."""
        rule = contextlib.nullcontext() if named == "float64" else arithmetic.arithmetic(named)
        with rule, bounds.lasting(tensors):
            yield

    def settle(self) -> dict[str, Any]:
        """Nothing was overwritten: an access outside of every tensor has raised already."""
        return {"overwritten": []}

    def time(self, _call: Callable[[], Any]) -> dict[str, Any]:
        """The interpreter's speed says nothing."""
        return {}

    def lost(self, _error: BaseException) -> bool:
        """There is no device to lose."""
        return False


_backend: _Interpreter | None = None


def _interpreter() -> _Interpreter:
    global _backend
    if not isinstance(standard.sum, InterpretedFunction):
        raise RuntimeError("this worker imported triton without TRITON_INTERPRET=1")
    if _backend is None:
        _backend = _Interpreter()
    return _backend


def run_cases(
    *, source: str, class_name: str, folder: str, cases: list[dict[str, Any]], seed: int, watched: bool = True
) -> int:
    """Run ``cases`` in order, in one process and one import of the file.

    Args:
        source: path of the file to import.
        class_name: ``ModelNew``, or ``Model`` of a reference.
        folder: where each case has a folder of its name with its inputs.
        cases: see :func:`tilewright.prove.session.case_arguments` for the keys.
        seed: for torch's generator, before the model is made and before each call.
        watched: whether to look for what the file replaces.

    Returns:
        The number of cases that ran, as a claim.

    Raises:
        RuntimeError: this process imported Triton without its interpreter.
        Exception: whatever importing the file raises.
    """
    backend = _interpreter()
    return runner.run_all(runner.runner_of(source, class_name, seed, backend), folder, cases, backend.tuned, watched)


def initial_state(*, source: str, class_name: str, seed: int, folder: str, init: list[Any]) -> int:
    """Make the model and write its parameters and buffers, floats as float64, into ``folder``."""
    return runner.write_state(runner.runner_of(source, class_name, seed, _interpreter()), folder, init)


def needed_inputs(*, source: str, class_name: str, seed: int, folder: str, case: dict[str, Any]) -> dict[str, float]:
    """Which part of each input the file's answer depends on, at least."""
    return runner.write_needed(runner.runner_of(source, class_name, seed, _interpreter()), folder, case)


def forget(*, source: str) -> None:
    """Drop a file's models and tensors, for a worker that goes on with others."""
    runner.forget(source)


def own_inputs(*, source: str, class_name: str, seed: int, folder: str) -> int:
    """Write what the file's ``get_inputs`` returns into ``folder``."""
    return runner.write_own_inputs(runner.runner_of(source, class_name, seed, _interpreter()), folder)
