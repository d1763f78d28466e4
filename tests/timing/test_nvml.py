"""Clocks and throttle reasons, from something that answers as pynvml does."""

from __future__ import annotations

import math
from types import SimpleNamespace

import pytest

from tilewright.timing import nvml


class NVMLError(Exception):
    pass


class Nvml(SimpleNamespace):
    """A device at 1980 MHz that is held down by its power limit every other time."""

    NVMLError = NVMLError
    NVML_CLOCK_SM, NVML_CLOCK_MEM, NVML_TEMPERATURE_GPU = 1, 2, 0

    def __init__(self, **changes: object) -> None:
        super().__init__(asked=[], readings=0, **changes)

    def nvmlInit(self) -> None:
        pass

    def nvmlDeviceGetHandleByUUID(self, uuid: str) -> str:
        self.asked.append(uuid)
        return uuid

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:
        self.asked.append(index)
        return index

    def nvmlDeviceGetClockInfo(self, _handle: object, kind: int) -> int:
        self.readings += kind == 1
        return 1980 - 15 * self.readings if kind == 1 else 2619

    def nvmlDeviceGetPowerUsage(self, _handle: object) -> int:
        return 512_300

    def nvmlDeviceGetTemperature(self, _handle: object, _sensor: int) -> int:
        return 41

    def nvmlDeviceGetCurrentClocksEventReasons(self, _handle: object) -> int:
        return 0x1 | (0x4 if self.readings % 2 else 0)

    def nvmlDeviceGetCurrentClocksThrottleReasons(self, _handle: object) -> int:
        return 0x40


def refuse(*_: object) -> None:
    raise NVMLError("not supported")


def read(api: Nvml, count: int = 3) -> nvml.Watcher:
    watcher = nvml.watch("GPU-1", nvml=api)
    assert watcher is not None
    for _ in range(count):
        watcher.read()
    watcher.close()
    return watcher


def test_conditions_are_smallest_median_and_largest() -> None:
    found = read(Nvml()).conditions()
    assert found is not None
    assert found.sm_mhz == (1935, 1950, 1965)
    assert found.memory_mhz == (2619, 2619, 2619)
    assert found.power_w == (512.3, 512.3, 512.3)
    assert found.temperature_c == (41, 41, 41)
    assert found.throttle_reasons == ("power limit (software)",)
    assert found.samples == 3


def test_an_idle_gpu_is_not_held_down() -> None:
    found = read(Nvml(nvmlDeviceGetCurrentClocksEventReasons=lambda _: 0x1)).conditions()
    assert found is not None
    assert found.throttle_reasons == ()


@pytest.mark.parametrize("missing", [refuse, None], ids=["refused", "not there"])
def test_an_older_driver_tells_by_the_older_name(missing: object) -> None:
    found = read(Nvml(nvmlDeviceGetCurrentClocksEventReasons=missing)).conditions()
    assert found is not None
    assert found.throttle_reasons == ("temperature (hardware)",)


def test_what_the_device_does_not_tell_is_no_number() -> None:
    found = read(Nvml(nvmlDeviceGetPowerUsage=refuse)).conditions()
    assert found is not None
    assert all(map(math.isnan, found.power_w))
    assert found.temperature_c == (41, 41, 41)


def test_a_device_that_tells_nothing_has_no_conditions() -> None:
    names = ("nvmlDeviceGetClockInfo", "nvmlDeviceGetPowerUsage", "nvmlDeviceGetTemperature")
    assert read(Nvml(**dict.fromkeys(names, refuse))).conditions() is None
    assert nvml.watch("GPU-1", nvml=Nvml(nvmlInit=refuse)) is None


def test_readings_count_while_something_runs() -> None:
    api = Nvml()
    watcher = nvml.Watcher(api, 0, every_s=0.001)
    with watcher.running():
        while api.readings < 2:
            pass
    watcher.close()
    found = watcher.conditions()
    assert found is not None
    assert found.samples >= 2


@pytest.mark.parametrize(
    ("uuid", "visible", "asked"),
    [
        pytest.param("6f1c", None, "GPU-6f1c", id="as CUDA tells it"),
        pytest.param("GPU-6f1c", "3", "GPU-6f1c", id="in full"),
        pytest.param(None, "2,3", 2, id="an index"),
        pytest.param(None, "GPU-77,GPU-78", "GPU-77", id="a name"),
        pytest.param(None, None, 0, id="nothing said"),
    ],
)
def test_which_device(uuid: str | None, visible: str | None, asked: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    if visible is not None:
        monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    api = Nvml()
    watcher = nvml.watch(uuid, nvml=api)
    assert watcher is not None
    watcher.close()
    assert api.asked == [asked]
