"""Facts of a kernel's binary, for the few wrappers that size their grid with them."""

from __future__ import annotations

import re
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import triton
from triton.compiler import compile as _compile

NAMES = frozenset({"n_regs", "n_spills", "n_max_threads", "metadata", "asm", "name", "hash"})
"""What Triton's compiled kernel tells of itself once it is loaded."""


def facts(source: Any, target: Any, options: Any) -> dict[str, Any]:
    """Build the kernel for the target and read what a driver would report on loading it.

    Args:
        source: Triton's ``ASTSource`` of the launch.
        target: the ``GPUTarget``.
        options: the launch's parsed options.
    """
    compiled = _compile(source, target=target, options=dict(options.__dict__))
    name = compiled.metadata.name
    usage = _resource_usage(compiled.asm["cubin"], name)
    return {
        "n_regs": usage.get("REG", 0),
        "n_spills": usage.get("STACK", 0) // 4,
        "n_max_threads": options.num_warps * target.warp_size,
        "metadata": compiled.metadata,
        "asm": compiled.asm,
        "name": name,
        "hash": compiled.hash,
    }


def _resource_usage(cubin: bytes, name: str) -> dict[str, int]:
    """Registers (``REG``) and stack bytes (``STACK``) as cuobjdump, which comes with Triton, prints them."""
    tool = Path(triton.__file__).parent / "backends" / "nvidia" / "bin" / "cuobjdump"
    with tempfile.NamedTemporaryFile(suffix=".cubin") as file:
        file.write(cubin)
        file.flush()
        command = [str(tool), "--dump-resource-usage", file.name]
        text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    found = re.search(rf"Function {re.escape(name)}:\s*\n\s*(.*)", text)
    return {key: int(value) for key, value in re.findall(r"([A-Z]+):(\d+)", found.group(1))} if found else {}
