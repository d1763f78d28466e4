"""Launches for tests: kernel source -> Triton IR -> Launch, with no GPU and no driver."""

from __future__ import annotations

import functools
import importlib.util
import sys
from pathlib import Path
from types import ModuleType

from tilewright.records.launch import Argument, ConstexprArgument, Launch, ScalarArgument, TensorArgument

KERNELS = Path(__file__).parent.parent / "data" / "kernels"


@functools.cache
def kernel_module(name: str) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"kernels_{name}", KERNELS / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def generic_ttir(
    file: str, kernel: str, types: dict[str, str], constants: dict[str, object], compute_capability: int = 80
) -> str:
    """Triton IR with no integer specialised, made without a GPU."""
    from triton._C.libtriton import ir
    from triton.backends.compiler import GPUTarget
    from triton.compiler import ASTSource
    from triton.compiler.compiler import make_backend

    function = getattr(kernel_module(file), kernel)
    names = function.arg_names
    signature = {name: types.get(name, "constexpr") for name in names}
    source = ASTSource(function, signature, {(names.index(name),): value for name, value in constants.items()}, {})
    target = GPUTarget("cuda", compute_capability, 32)
    backend = make_backend(target)
    options = backend.parse_options({"num_warps": 4, "num_stages": 3})
    context = ir.context()
    ir.load_dialects(context)
    backend.load_dialects(context)
    module = source.make_ir(
        target, options, backend.get_codegen_implementation(options), backend.get_module_map(), context
    )
    stages: dict[str, object] = {}
    backend.add_stages(stages, options, source.language)
    return str(stages["ttir"](module, {}))  # type: ignore[operator]


def launch(
    file: str,
    kernel: str,
    *,
    tensors: dict[str, tuple[str, tuple[int, ...]]],
    scalars: dict[str, int | float],
    constants: dict[str, object],
    grid: tuple[int, int, int],
    compute_capability: int = 80,
    blocks: dict[str, tuple[int, ...]] | None = None,
) -> Launch:
    """A Launch as capture would record it; every tensor contiguous, and those in ``blocks`` behind a descriptor."""
    blocks = blocks or {}
    types = {name: f"*{dtype}" for name, (dtype, _) in tensors.items()}
    types |= {name: f"tensordesc<{tensors[name][0]}{list(block)}>" for name, block in blocks.items()}
    types |= {name: "fp32" if isinstance(value, float) else "i32" for name, value in scalars.items()}
    text = generic_ttir(file, kernel, types, constants, compute_capability)
    arguments: list[Argument] = []
    for name in getattr(kernel_module(file), kernel).arg_names:
        if name in tensors:
            dtype, shape = tensors[name]
            strides = tuple(functools.reduce(lambda x, y: x * y, shape[i + 1 :], 1) for i in range(len(shape)))
            arguments.append(
                TensorArgument(
                    parameter=name,
                    dtype=dtype,
                    shape=shape,
                    strides=strides,
                    offset=0,
                    origin=f"input:{len(arguments)}",
                    block_shape=blocks.get(name, ()),
                )
            )
        elif name in scalars:
            arguments.append(ScalarArgument(parameter=name, dtype=types[name], value=scalars[name]))
        else:
            arguments.append(ConstexprArgument(parameter=name, value=constants[name]))  # type: ignore[arg-type]
    return Launch(
        kernel=kernel,
        ordinal=0,
        grid=grid,
        num_warps=4,
        num_stages=3,
        num_ctas=1,
        arguments=tuple(arguments),
        ttir=text,
        generic_ttir=text,
        call_line=1,
    )
