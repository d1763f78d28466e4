"""Compile for another chip than the one that is there: worker side. Needs torch and triton only."""

from __future__ import annotations

from typing import Any

from triton.backends.compiler import GPUTarget
from triton.compiler import compiler
from triton.runtime.driver import driver

from tilewright.errors import InputError
from tilewright.prove.architectures import SHARED_BYTES, refusal

_WARP = 32


def use_architecture(capability: int) -> None:
    """Compile for ``sm_<capability>`` from now on, and load the PTX, which the driver compiles for its own GPU.

    Triton then also says how much shared memory that chip has, and lets no program have more. Call it once in a
    process, before anything is compiled. With the device's own capability nothing changes.

    Raises:
        InputError: code for it does not run on this device.
    """
    active = driver.active
    present = int(active.get_current_target().arch)
    if reason := refusal(capability, present):
        raise InputError(f"--architecture sm_{capability}: {reason}")
    if capability == present:
        return
    target = GPUTarget("cuda", capability, _WARP)
    type(active).get_current_target = lambda self: target
    _limit_shared_memory(active.utils, SHARED_BYTES[capability])
    made = compiler.CompiledKernel.__init__

    def load_ptx(self: Any, *arguments: Any, **keywords: Any) -> None:
        made(self, *arguments, **keywords)
        # what is loaded is an ELF binary, or text that ends in NUL
        self.kernel = self.asm["ptx"].encode() + b"\0"

    compiler.CompiledKernel.__init__ = load_ptx


def _limit_shared_memory(utils: Any, limit: int) -> None:
    """Let Triton believe that a program may have ``limit`` bytes of shared memory at most."""
    ask = utils.get_device_properties

    def properties(device: int) -> dict[str, Any]:
        found = ask(device)
        return {**found, "max_shared_mem": min(limit, found["max_shared_mem"])}

    utils.get_device_properties = properties
    compiler.max_shared_mem.cache_clear()
