"""Run one kernel file on a GPU: worker side."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from typing import Any

import torch
import triton
from triton.runtime.driver import driver

from tilewright.prove import architectures, arrays, generate, runner, tuning
from tilewright.prove.cuda import memory, timing
from tilewright.prove.cuda.architecture import use_architecture


class _Cuda:
    """The first CUDA device."""

    device = "cuda"

    def __init__(self) -> None:
        # a worker that restarts is not warmed again: its environment tells it, before any file is imported
        if asked := os.environ.get(architectures.VARIABLE):
            use_architecture(int(asked))
        self._lasting = contextlib.ExitStack()
        self._lasting.enter_context(torch.no_grad())
        self.tuned = self._lasting.enter_context(tuning.see_through_autotune())
        self.zones = memory.Redzones()

    def reseed(self, seed: int) -> None:
        """Set the generators that a file can draw from."""
        torch.default_generator.manual_seed(seed)
        torch.cuda.manual_seed_all(seed)

    def place(self, values: torch.Tensor, strides: list[int] | None, offset: int, name: str) -> torch.Tensor:
        """Copy ``values`` between redzones."""
        values = values.to(self.device)
        strides = list(values.contiguous().stride()) if strides is None else strides
        placed = self.zones.place(values, strides, offset, name)
        # an expanded dimension is one place in memory, which can be written once only
        once = tuple(slice(0, 1) if stride == 0 else slice(None) for stride in strides)
        placed[once].copy_(values[once])
        return placed

    @contextlib.contextmanager
    def call(self, _arithmetic: str, _tensors: list[tuple[str, torch.Tensor]]) -> Iterator[None]:
        """Poison what is free, and put what is made between redzones."""
        memory.poison_free_memory()
        torch.cuda.synchronize()
        with memory.placing(self.zones):
            yield

    def settle(self) -> dict[str, Any]:
        """Wait for every stream, then look at the redzones."""
        torch.cuda.synchronize()
        return {"overwritten": self.zones.check()}

    def time(self, call: Callable[[], Any]) -> dict[str, Any]:
        """See :func:`timing.time_calls`."""
        return timing.time_calls(call)

    def lost(self, error: BaseException) -> bool:
        """Whether the context still works after ``error``."""
        if not isinstance(error, RuntimeError):
            return False
        try:
            torch.cuda.synchronize()
            torch.zeros(1, device=self.device).add_(1).cpu()
        except RuntimeError:
            return True
        return False


_backend: _Cuda | None = None


def _cuda() -> _Cuda:
    global _backend
    if _backend is None:
        _backend = _Cuda()
    return _backend


def run_cases(
    *, source: str, class_name: str, folder: str, cases: list[dict[str, Any]], seed: int, watched: bool = True
) -> int:
    """As :func:`tilewright.prove.job.run_cases`, on the GPU."""
    backend = _cuda()
    return runner.run_all(runner.runner_of(source, class_name, seed, backend), folder, cases, backend.tuned, watched)


def initial_state(*, source: str, class_name: str, seed: int, folder: str, init: list[Any]) -> int:
    """As :func:`tilewright.prove.job.initial_state`, on the GPU."""
    return runner.write_state(runner.runner_of(source, class_name, seed, _cuda()), folder, init)


def needed_inputs(*, source: str, class_name: str, seed: int, folder: str, case: dict[str, Any]) -> dict[str, float]:
    """Which part of each input the file's answer depends on, at least."""
    return runner.write_needed(runner.runner_of(source, class_name, seed, _cuda()), folder, case)


def forget(*, source: str) -> None:
    """Drop a file's models and tensors, and the memory that they held, for a worker that goes on with others."""
    runner.forget(source)
    torch.cuda.empty_cache()


def own_inputs(*, source: str, class_name: str, seed: int, folder: str) -> int:
    """Write what the file's ``get_inputs`` returns into ``folder``."""
    return runner.write_own_inputs(runner.runner_of(source, class_name, seed, _cuda()), folder)


@triton.jit
def _warm(pointer):  # type: ignore[no-untyped-def]
    triton.language.store(pointer, 1.0)


def _rehearse(backend: _Cuda) -> None:
    """Use what a case uses around its call: CUDA loads each of PyTorch's kernels when it is first launched."""
    told = {"seed": 0, "salt": "", "distribution": "normal", "specs": [{"shape": [64], "dtype": "f32"}], "moved_by": 0}
    values = generate.values(told, 0, backend.device)
    placed = backend.place(values, None, 0, "rehearsal")
    with backend.call("", []):
        fresh = torch.empty_like(placed).copy_(placed).clone()
    backend.settle()
    arrays.count_differing(fresh, values)
    fresh.double().cpu()


def warm(*, memory_fraction: float | None = None) -> dict[str, Any]:
    """Make the device's context and Triton's launcher, which take seconds, and say what the device is.

    Args:
        memory_fraction: part of the device's memory that PyTorch may take in this process, 0 to 1, so that a file that
            takes all it gets leaves something to its neighbours; ``None``: all.

    Raises:
        InputError: the architecture to compile for, which the worker's environment names, is none of this device's.
    """
    if memory_fraction is not None:
        torch.cuda.set_per_process_memory_fraction(memory_fraction, 0)
    backend = _cuda()
    with torch.no_grad():
        kernel = _warm[(1,)](torch.zeros(1, device=backend.device))
        _rehearse(backend)
    properties = torch.cuda.get_device_properties(0)
    return {
        "name": properties.name,
        "compute_capability": [properties.major, properties.minor],
        "memory_bytes": properties.total_memory,
        "free_bytes": torch.cuda.mem_get_info()[0],
        "l2_bytes": properties.L2_cache_size,
        "torch": torch.__version__,
        "triton": triton.__version__,
        "cuda": torch.version.cuda,
        "architecture": f"sm_{kernel.metadata.target.arch}",
        "target": str(driver.active.get_current_target()),
    }
