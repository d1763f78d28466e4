"""What the GPU does while it is timed, read through NVML in the parent, which has no CUDA context."""

from __future__ import annotations

import contextlib
import importlib
import os
import statistics
import threading
from collections.abc import Callable, Iterator
from typing import Any

from tilewright.records.timing import Conditions

_EVERY_S = 0.05
_REASONS = {
    0x2: "clocks set by an application",
    0x4: "power limit (software)",
    0x8: "hardware slowdown",
    0x10: "synchronised with other GPUs",
    0x20: "temperature (software)",
    0x40: "temperature (hardware)",
    0x80: "power brake (hardware)",
    0x100: "clocks set for a display",
}
"""Bits of nvmlDeviceGetCurrentClocksEventReasons (nvml.h) in words; 0x1, an idle GPU, holds nothing down."""
_READINGS = ("sm_mhz", "memory_mhz", "power_w", "temperature_c")
_UNREAD = (float("nan"), float("nan"), float("nan"))


class Watcher:
    """Reads clocks, power, temperature and throttle reasons in a thread, while it is told that something runs."""

    def __init__(self, nvml: Any, handle: Any, *, every_s: float = _EVERY_S) -> None:
        """Begin to watch.

        Args:
            nvml: the ``pynvml`` module, initialised, or something like it.
            handle: the device's.
            every_s: seconds between two readings.
        """
        self._nvml, self._handle, self._every_s = nvml, handle, every_s
        self._series: dict[str, list[float]] = {name: [] for name in _READINGS}
        self._reasons, self._samples = 0, 0
        self._busy, self._over = threading.Event(), threading.Event()
        self._thread = threading.Thread(target=self._run, name="tilewright-nvml", daemon=True)
        self._thread.start()

    @contextlib.contextmanager
    def running(self) -> Iterator[None]:
        """Something is being timed inside the block: only then readings count."""
        self._busy.set()
        try:
            yield
        finally:
            self._busy.clear()

    def close(self) -> None:
        """End the thread."""
        self._over.set()
        self._busy.set()
        self._thread.join()

    def conditions(self) -> Conditions | None:
        """All readings so far; ``None`` where there are none."""
        if not self._samples:
            return None
        found = {name: _spread(values) for name, values in self._series.items()}
        reasons = tuple(words for bit, words in _REASONS.items() if self._reasons & bit)
        return Conditions(
            sm_mhz=found["sm_mhz"],
            memory_mhz=found["memory_mhz"],
            power_w=found["power_w"],
            temperature_c=found["temperature_c"],
            throttle_reasons=reasons,
            samples=self._samples,
        )

    def _run(self) -> None:
        while True:
            self._busy.wait()
            if self._over.is_set():
                return
            self.read()
            self._over.wait(self._every_s)

    def read(self) -> None:
        """Take one reading of everything that the device answers."""
        nvml, handle = self._nvml, self._handle
        asked: dict[str, Callable[[], float]] = {
            "sm_mhz": lambda: float(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_SM)),
            "memory_mhz": lambda: float(nvml.nvmlDeviceGetClockInfo(handle, nvml.NVML_CLOCK_MEM)),
            "power_w": lambda: nvml.nvmlDeviceGetPowerUsage(handle) / 1e3,
            "temperature_c": lambda: float(nvml.nvmlDeviceGetTemperature(handle, nvml.NVML_TEMPERATURE_GPU)),
        }
        answered = False
        for name, ask in asked.items():
            with contextlib.suppress(nvml.NVMLError):
                self._series[name].append(ask())
                answered = True
        with contextlib.suppress(nvml.NVMLError):
            self._reasons |= _throttling(nvml)(handle)
        self._samples += answered


def watch(uuid: str | None = None, *, nvml: Any = None) -> Watcher | None:
    """Watch the device that a worker runs on.

    Args:
        uuid: as CUDA tells it, with or without ``GPU-`` before it; ``None``: the first of CUDA_VISIBLE_DEVICES.
        nvml: for tests: what stands for ``pynvml``.

    Returns:
        ``None`` where NVML or the device does not answer.
    """
    try:
        nvml = importlib.import_module("pynvml") if nvml is None else nvml
    except ImportError:
        return None
    try:
        nvml.nvmlInit()
        return Watcher(nvml, _handle(nvml, uuid))
    except nvml.NVMLError:
        return None


def _handle(nvml: Any, uuid: str | None) -> Any:
    if uuid:
        return nvml.nvmlDeviceGetHandleByUUID(_named(uuid))
    first = os.environ.get("CUDA_VISIBLE_DEVICES", "").split(",")[0].strip()
    if first.startswith(("GPU-", "MIG-")):
        return nvml.nvmlDeviceGetHandleByUUID(first)
    return nvml.nvmlDeviceGetHandleByIndex(int(first) if first.isdigit() else 0)


def _named(uuid: str) -> str:
    return uuid if uuid.startswith(("GPU-", "MIG-")) else f"GPU-{uuid}"


def _throttling(nvml: Any) -> Callable[[Any], int]:
    """The function that tells the reasons: its name changed with driver 535."""
    new: Callable[[Any], int] | None = getattr(nvml, "nvmlDeviceGetCurrentClocksEventReasons", None)
    old: Callable[[Any], int] = nvml.nvmlDeviceGetCurrentClocksThrottleReasons
    if new is None:
        return old

    def ask(handle: Any) -> int:
        try:
            return new(handle)
        except nvml.NVMLError:
            return old(handle)

    return ask


def _spread(values: list[float]) -> tuple[float, float, float]:
    return (min(values), statistics.median(values), max(values)) if values else _UNREAD
