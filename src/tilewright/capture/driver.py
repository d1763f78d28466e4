"""A driver for Triton that launches nothing: it says what the target is, and the rest never gets to it."""

from __future__ import annotations

from typing import Any

import torch
from triton.backends.compiler import GPUTarget
from triton.backends.driver import DriverBase


class _Utilities:
    def __init__(self, facts: dict[str, Any]) -> None:
        self._facts = facts

    def get_device_properties(self, device: int) -> dict[str, int]:
        del device
        return {
            "max_shared_mem": self._facts["shared_bytes_per_block"],
            "max_num_regs": self._facts["registers_per_sm"],
            "multiprocessor_count": self._facts["sm_count"],
            "warpSize": self._facts["warp_size"],
            "sm_clock_rate": int(self._facts["boost_clock_mhz"] * 1000),
            "mem_clock_rate": 0,
            "mem_bus_width": 0,
        }


class RecordingDriver(DriverBase):  # type: ignore[misc, unused-ignore]
    """What Triton asks its driver before it launches."""

    def __init__(self, facts: dict[str, Any]) -> None:
        self.capability = tuple(facts["compute_capability"])
        self.warp_size = facts["warp_size"]
        self.utils = _Utilities(facts)

    @classmethod
    def is_active(cls) -> bool:
        """Whether Triton may pick this driver."""
        return True

    def get_current_target(self) -> GPUTarget:
        """The target that kernels are specialised for."""
        return GPUTarget("cuda", self.capability[0] * 10 + self.capability[1], self.warp_size)

    def get_current_device(self) -> int:
        """Number of the only device."""
        return 0

    def set_current_device(self, device: int) -> None:
        """Accept any device."""

    def get_current_stream(self, device: int | None = None) -> int:
        """The default stream."""
        return 0

    def get_device_capability(self, device: int | None = None) -> tuple[int, ...]:
        """Compute capability of the target."""
        return self.capability

    def get_active_torch_device(self) -> torch.device:
        """The device that wrappers make their tensors on."""
        return torch.device("cuda", 0)

    def get_device_interface(self) -> Any:
        """``torch.cuda``, whose functions answer for the target."""
        return torch.cuda

    def map_python_to_cpp_type(self, ty: str) -> str:
        """Name of a type in the launcher's C source; no launcher is made."""
        return ty

    def get_benchmarker(self) -> Any:
        """A timer that runs the function once and measures nothing."""

        def benchmark(function: Any, *_: Any, quantiles: Any = None, **__: Any) -> Any:
            function()
            return [1.0] * len(quantiles) if quantiles else 1.0

        return benchmark

    def get_empty_cache_for_benchmark(self) -> None:
        """Nothing is timed, so nothing is flushed."""

    def clear_cache(self, cache: Any) -> None:
        """Nothing is timed, so nothing is flushed."""
