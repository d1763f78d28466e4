"""Our reading of the binary against the vendor's own tool."""

from __future__ import annotations

import re
import subprocess

import pytest

from tilewright.compiler.cubin import read_resources


@pytest.fixture(scope="module")
def cubin_of(ttir_path):
    import triton
    from triton.backends.compiler import GPUTarget

    def make(name, architecture):
        options = {"num_warps": 1, "enable_fp_fusion": True}
        built = triton.compile(str(ttir_path(name)), target=GPUTarget("cuda", architecture, 32), options=options)
        return built.asm["cubin"], built.metadata.name

    return make


@pytest.mark.parametrize("architecture", [75, 80, 86, 89, 90, 100, 120])
def test_registers_and_stack_agree_with_cuobjdump(cubin_of, architecture, tmp_path):
    from triton import knobs

    # One warp for a 64x64 tile: on the oldest target this spills, so that the stack is not zero everywhere.
    cubin, kernel = cubin_of("persistent_matmul_f16", architecture)
    path = tmp_path / "kernel.cubin"
    path.write_bytes(cubin)
    command = [knobs.nvidia.cuobjdump.path, "--dump-resource-usage", str(path)]
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    told = re.search(rf"Function {kernel}:\s+REG:(\d+) STACK:(\d+)", text)
    assert told is not None
    resources = read_resources(cubin, kernel)
    assert (resources.registers_per_thread, resources.stack_bytes) == (int(told[1]), int(told[2]))
    if architecture == 75:
        assert resources.stack_bytes > 0


def test_what_is_no_binary_or_holds_another_kernel(cubin_of):
    with pytest.raises(ValueError, match="not a binary"):
        read_resources(b"\x7fELF nonsense", "k")
    cubin, _ = cubin_of("add_f32", 89)
    with pytest.raises(ValueError, match="no kernel 'k'"):
        read_resources(cubin, "k")
