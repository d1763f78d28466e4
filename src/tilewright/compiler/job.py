"""Builds one kernel: runs in a worker process, where Triton may be imported and may crash."""

from __future__ import annotations

import hashlib
import re
import subprocess
import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tilewright.compiler.cubin import read_resources
from tilewright.compiler.hazards import overwrites_operands
from tilewright.compiler.mix import count_mix
from tilewright.compiler.sass import parse

_TENSOR_MEMORY_COLUMNS = 512
"""Tensor memory of one SM of compute capability 10.x (PTX ISA, "Tensor Memory": 512 columns)."""
_DISASSEMBLY_TIMEOUT_S = 60.0


def build(
    *,
    ttir: str,
    compute_capability: list[int],
    num_warps: int,
    num_stages: int,
    num_ctas: int,
    instructions: bool = True,
) -> dict[str, object]:
    """Compile Triton IR and read the binary.

    Args:
        ttir: Triton IR of one kernel, without source locations.
        compute_capability: ``[8, 9]``.
        num_warps: Of one program. A warp-specialised kernel launches more; its Build says how many.
        num_stages: Depth of the software pipeline.
        num_ctas: Programs of a cluster.
        instructions: Whether to disassemble the binary and count its instructions.

    Returns:
        ``{"build": fields of a Build}``, or ``{"failure": {"kind": …, "message": …}}`` where the compiler refused.
    """
    import triton
    from triton.backends.compiler import GPUTarget
    from triton.runtime.errors import OutOfResources

    major, minor = compute_capability
    # Fusing multiply and add is the default of every supported version, but from 3.9 on only said so with a warning.
    options = {"num_warps": num_warps, "num_stages": num_stages, "num_ctas": num_ctas, "enable_fp_fusion": True}
    with tempfile.TemporaryDirectory(prefix="tilewright-") as folder:
        path = Path(folder, "kernel.ttir")
        path.write_text(ttir, encoding="utf-8")
        try:
            compiled = triton.compile(str(path), target=GPUTarget("cuda", 10 * major + minor, 32), options=options)
        except OutOfResources as error:
            return _failure("out_of_resources", str(error))
        except Exception as error:
            # Whatever the compiler raises is a property of the candidate: data, not an error of ours.
            return _failure("compile_error", _one_line(str(error), folder) or type(error).__name__)
        columns = getattr(compiled.metadata, "tmem_size", None) or 0
        if columns > _TENSOR_MEMORY_COLUMNS:
            return _failure(
                "out_of_resources", f"tensor memory: {columns} columns needed, {_TENSOR_MEMORY_COLUMNS} there"
            )
        return {"build": _facts(compiled, Path(folder), (major, minor), num_stages, instructions)}


def _facts(
    compiled: Any, folder: Path, compute_capability: tuple[int, int], num_stages: int, instructions: bool
) -> dict[str, object]:
    import triton

    metadata, cubin = compiled.metadata, compiled.asm["cubin"]
    resources = read_resources(cubin, metadata.name)
    functions = parse(_disassemble(cubin, folder)) if instructions else {}
    if instructions and not functions.get(metadata.name):
        raise RuntimeError(f"the disassembly shows no instruction of {metadata.name!r}")
    return {
        "kernel": metadata.name,
        "compute_capability": list(compute_capability),
        "num_warps": metadata.num_warps,
        "num_stages": num_stages,
        "registers_per_thread": resources.registers_per_thread,
        "spill_bytes": resources.stack_bytes,
        "shared_bytes": metadata.shared,
        "mix": asdict(count_mix(functions, metadata.name)),
        "triton_version": triton.__version__,
        "ptxas_version": _ptxas_version(10 * compute_capability[0] + compute_capability[1]),
        "content_hash": _content_hash(functions, f"{compute_capability} {metadata.shared} {metadata.num_warps}")
        if instructions
        else hashlib.sha256(cubin).hexdigest(),
        "overwrites_operands": overwrites_operands(compiled.asm["ptx"]),
    }


def _disassemble(cubin: bytes, folder: Path) -> str:
    from triton import knobs

    path = folder / "kernel.cubin"
    path.write_bytes(cubin)
    command = [knobs.nvidia.cuobjdump.path, "-sass", str(path)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=_DISASSEMBLY_TIMEOUT_S, check=True)
    return done.stdout


def _ptxas_version(architecture: int) -> str:
    from triton.backends.nvidia.compiler import get_ptxas_version

    text = str(get_ptxas_version(architecture))
    match = re.search(r"\bV(\d+(?:\.\d+)+)", text)
    return match[1] if match else text.strip().splitlines()[-1]


def _content_hash(functions: dict[str, Any], launch: str) -> str:
    """Hash what runs: two builds with one hash are the same program, whatever options led to them."""
    digest = hashlib.sha256(f"{launch}\n".encode())
    for name, code in sorted(functions.items()):
        digest.update(f"{name}\n".encode())
        for i in code:
            digest.update(f"{i.predicate} {i.mnemonic} {','.join(i.operands)}\n".encode())
    return digest.hexdigest()


def _failure(kind: str, message: str) -> dict[str, object]:
    return {"failure": {"kind": kind, "message": message}}


def _one_line(text: str, folder: str) -> str:
    """Shorten a compiler's report to its first line that says what went wrong."""
    lines = [line.strip() for line in text.replace(f"{folder}/", "").splitlines() if line.strip()]
    telling = [line for line in lines if re.search(r"\b(error|fatal)\b", line, re.IGNORECASE)]
    # The "Internal Triton PTX codegen error" headline says less than the line of ptxas below it.
    better = [line for line in telling if "codegen error" not in line and "Repro command" not in line]
    return (better or telling or lines or [""])[0][:400]
