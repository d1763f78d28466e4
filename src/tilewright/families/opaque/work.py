"""The Work of a kernel that is not understood: bytes of its tensors, nothing else."""

from __future__ import annotations

from math import prod

from tilewright.records.launch import Launch, TensorArgument
from tilewright.records.schedule import Schedule
from tilewright.records.trial import Lifted
from tilewright.records.work import Work

_BYTES = {"fp64": 8, "i64": 8, "u64": 8, "fp32": 4, "i32": 4, "u32": 4, "fp16": 2, "bf16": 2, "i16": 2, "u16": 2}


def work(lifted: Lifted, schedule: Schedule, launch: Launch, *, as_input: bool = False) -> Work:
    """Every tensor moved once, each allocation of the wrapper written and all others read; flops unknown.

    A kernel that is kept does the input's work: ``as_input`` makes no difference.
    """
    del as_input
    tensors = [argument for argument in launch.arguments if isinstance(argument, TensorArgument)]
    written = sum(_size(tensor) for tensor in tensors if tensor.origin.startswith("allocated"))
    read = sum(_size(tensor) for tensor in tensors if not tensor.origin.startswith("allocated"))
    return Work(
        kernel=lifted.algorithm.kernel,
        programs=prod(launch.grid),
        num_warps=schedule.num_warps,
        num_stages=schedule.num_stages,
        flops={},
        minimum_dram_bytes=float(read + written),
        read_bytes=float(read),
        written_bytes=float(written),
    )


def _size(tensor: TensorArgument) -> int:
    """Bytes of the elements a tensor holds; an axis of stride 0 holds its elements once."""
    lengths = (length for length, stride in zip(tensor.shape, tensor.strides, strict=True) if stride or not length)
    return prod(lengths) * _BYTES.get(tensor.dtype, 1)
