"""What a wrapper launched, recorded without a GPU."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from tilewright.records.source import TensorSpec


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorArgument:
    """A pointer, or a descriptor made on the host, and the tensor behind it. All its numbers count elements."""

    parameter: str
    dtype: str
    """Triton's name: fp32, fp16, bf16, fp64, i32, i64, i1, …"""
    shape: tuple[int, ...]
    strides: tuple[int, ...]
    offset: int
    origin: str
    """``input:0`` (position among forward's arguments), ``state:NAME`` (parameter or buffer) or ``allocated:0``."""
    block_shape: tuple[int, ...] = ()
    """Elements that one load or store of a tensor descriptor moves, along each axis; empty for a pointer. The shape and
    strides of a descriptor are its own, which need not be those of the tensor behind it."""
    padding: str = "zero"
    """What a descriptor reads beyond the ends of its shape: ``zero`` or ``nan``."""
    rounds_to_tf32: bool = False
    """Whether a descriptor rounds float32 numbers to TF32 as it reads them (Triton 3.9)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScalarArgument:
    """A run-time number. ``dtype`` is what Triton typed it as (i32, i64, fp32, i1)."""

    parameter: str
    dtype: str
    value: int | float


@dataclass(frozen=True, slots=True, kw_only=True)
class ConstexprArgument:
    """A ``tl.constexpr`` parameter with the value of this launch."""

    parameter: str
    value: int | float | bool | str | None


Argument = TensorArgument | ScalarArgument | ConstexprArgument


@dataclass(frozen=True, slots=True, kw_only=True)
class Launch:
    """One launch of one kernel in one configuration, specialised as a launch on the GPU would be."""

    kernel: str
    ordinal: int
    """Position among the launches of one forward call, from 0; every configuration of an autotuner shares it."""
    grid: tuple[int, int, int]
    num_warps: int
    num_stages: int
    num_ctas: int
    arguments: tuple[Argument, ...]
    """In the order of the kernel's parameters."""
    ttir: str
    """Triton IR with this launch's specialisation; empty where the kernel does not compile."""
    generic_ttir: str
    """Triton IR with no integer specialised: every non-constexpr number stays a parameter."""
    call_line: int
    """Line of the ``kernel[grid](…)`` call in the file, from 1."""
    configuration: Mapping[str, int | float | bool | str] = field(default_factory=dict)
    """The autotuner's keyword values for this launch; empty where nothing is tuned."""
    error: str = ""
    """Triton's own message, first line with its place, where the kernel does not compile."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Capture:
    """All launches of one forward call."""

    launches: tuple[Launch, ...]
    inputs: tuple[TensorSpec, ...]
    outputs: tuple[TensorSpec, ...]
    """Tensors that forward returned, nested ones flattened in order."""
    init_arguments: tuple[int | float | bool | str | tuple[int, ...] | None, ...] = ()
    """What ``ModelNew(…)`` was made with: from the reference's ``get_init_inputs``, else nothing."""
    assumptions: tuple[str, ...] = ()
    """What had to be assumed to run the wrapper at all (shapes, dtypes), in plain words."""
    error: str = ""
    """Why the forward call stopped early, if it did: one line."""
