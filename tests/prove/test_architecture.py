"""Code for another chip: which runs where, how Triton is brought to make it, and that every worker on a GPU is told."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import compiler
from triton.runtime.driver import driver

from tilewright.errors import InputError
from tilewright.prove import host, prover, stock
from tilewright.prove.architectures import SHARED_BYTES, parse_architecture, refusal
from tilewright.prove.cuda.architecture import use_architecture
from tilewright.prove.prover import cuda_worker, interpreter_worker
from tilewright.prove.stock import Stock

HOPPER_SHARED = 227 << 10
TTIR = """module {
  tt.func public @fill(%pointer: !tt.ptr<f32>) {
    %one = arith.constant 1.000000e+00 : f32
    tt.store %pointer, %one : !tt.ptr<f32>
    tt.return
  }
}
"""


def test_a_capability_is_read() -> None:
    assert parse_architecture("sm_89") == 89
    assert parse_architecture("sm_120") == 120


@pytest.mark.parametrize("text", ["89", "8.9", "sm_", "sm_9", "sm_90a", "sm89", "SM_89", "", "sm_8\uff19"])
def test_what_names_no_architecture(text: str) -> None:
    with pytest.raises(InputError, match=re.escape(f"--architecture {text!r}: no architecture; give one as sm_89")):
        parse_architecture(text)


@pytest.mark.parametrize("text", ["sm_70", "sm_61", "sm_00"])
def test_what_is_too_old(text: str) -> None:
    with pytest.raises(InputError, match=f"--architecture {text}: too old; give sm_75 or a later one"):
        parse_architecture(text)


@pytest.mark.parametrize(
    ("capability", "present"),
    [(75, 90), (80, 90), (86, 90), (89, 90), (90, 90), (80, 89), (89, 89), (89, 100), (89, 120), (120, 120), (75, 75)],
)
def test_what_runs(capability: int, present: int) -> None:
    assert refusal(capability, present) == ""


@pytest.mark.parametrize(
    ("capability", "present", "why"),
    [
        (100, 90, "newer than the device, which is sm_90; use one of sm_75, sm_80, sm_86, sm_87, sm_89, sm_90"),
        (89, 86, "newer than the device, which is sm_86; use one of sm_75, sm_80, sm_86"),
        (90, 100, "Triton's code for it runs on that chip alone, and the device is sm_100; use one of .*sm_89, sm_100"),
        (100, 103, "runs on that chip alone"),
        (85, 90, "no architecture that is known here; use one of"),
    ],
)
def test_what_does_not_run(capability: int, present: int, why: str) -> None:
    assert re.search(why, refusal(capability, present))


class Hopper:
    """As much of a driver as compiling needs."""

    def __init__(self) -> None:
        self.utils = SimpleNamespace(
            get_device_properties=lambda device: {"max_shared_mem": HOPPER_SHARED, "warpSize": 32}
        )

    def get_current_target(self) -> GPUTarget:
        return GPUTarget("cuda", 90, 32)


@pytest.fixture
def hopper(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[Hopper]:
    """A GPU that compiles, with all that is changed put back afterwards."""
    made = type("OneHopper", (Hopper,), {})()
    monkeypatch.setenv("TRITON_CACHE_DIR", str(tmp_path))
    monkeypatch.setattr(driver, "_active", made)
    monkeypatch.setattr(compiler.CompiledKernel, "__init__", compiler.CompiledKernel.__init__)
    compiler.max_shared_mem.cache_clear()
    yield made
    compiler.max_shared_mem.cache_clear()


def compiled(folder: Path) -> Any:
    file = folder / "fill.ttir"
    file.write_text(TTIR)
    return triton.compile(str(file))


def test_what_is_loaded_is_the_text_for_the_other_chip(hopper: Hopper, tmp_path: Path) -> None:
    assert compiler.max_shared_mem(0) == HOPPER_SHARED
    use_architecture(89)
    for _ in range(2):  # the second comes from the cache
        kernel = compiled(tmp_path)
        assert kernel.metadata.target.arch == 89
        assert re.search(rb"^\.target sm_89$", kernel.kernel, re.MULTILINE)
        assert kernel.kernel.endswith(b"\0")
        assert kernel.kernel.count(b"\0") == 1
    assert compiler.max_shared_mem(0) == SHARED_BYTES[89]
    assert hopper.utils.get_device_properties(0) == {"max_shared_mem": SHARED_BYTES[89], "warpSize": 32}


def test_for_the_device_itself_nothing_changes(hopper: Hopper, tmp_path: Path) -> None:
    use_architecture(90)
    kernel = compiled(tmp_path)
    assert kernel.kernel == kernel.asm["cubin"]
    assert compiler.max_shared_mem(0) == HOPPER_SHARED


@pytest.mark.usefixtures("hopper")
def test_what_would_not_run_is_not_compiled_for() -> None:
    before = compiler.CompiledKernel.__init__
    with pytest.raises(InputError, match=r"^--architecture sm_100: newer than the device, which is sm_90; use one of"):
        use_architecture(100)
    assert compiler.CompiledKernel.__init__ is before
    assert driver.active.get_current_target().arch == 90


@pytest.fixture
def told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers on a GPU that only says what it was told."""
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parent))
    for module in (host, prover, stock):
        monkeypatch.setattr(module, "CUDA", "told_job")


@pytest.mark.usefixtures("told")
def test_a_worker_knows_it_after_a_restart() -> None:
    for architecture, expected in ((89, "sm_89"), (None, "sm_90")):
        with cuda_worker(architecture) as worker:
            assert host.warm(worker).architecture == expected
            worker.restart()
            assert host.warm(worker).architecture == expected


@pytest.mark.usefixtures("told")
def test_every_worker_of_a_group_knows_it() -> None:
    group = Stock("cuda", group=2, ahead=False, architecture=80)
    try:
        assert [host.warm(worker).architecture for worker in group.take()] == ["sm_80", "sm_80"]
    finally:
        group.close()


@pytest.mark.usefixtures("told")
def test_the_device_refuses_in_one_line() -> None:
    with (
        cuda_worker(120) as worker,
        pytest.raises(InputError, match=r"^--architecture sm_120: newer than the device, which is sm_90; use one of"),
    ):
        host.warm(worker)


def test_the_interpreter_is_told_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    environments: list[dict[str, str]] = []
    make: Callable[..., object] = lambda **given: environments.append(given["environment"])
    monkeypatch.setattr(prover, "Worker", make)
    interpreter_worker()
    cuda_worker(86)
    assert [one.get("TILEWRIGHT_ARCHITECTURE") for one in environments] == [None, "86"]
