"""What the user handed in: a kernel file, and the request around it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelSource:
    """A kernel file in KernelBench form, as text with the names that matter."""

    path: str
    """What to call the file in messages."""
    text: str
    kernels: tuple[str, ...]
    """Names of the functions under ``@triton.jit``, in order of the file."""
    first_line: int = 1
    """Line of ``path`` on which ``text`` begins: more than 1 where it stands inside a prompt document."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputContract:
    """What the output must look like; the KernelBench contract unless a prompt document says otherwise."""

    order: tuple[str, ...] = ("imports", "kernels", "wrappers", "model")
    forbidden: tuple[str, ...] = ("testing code", "if __name__", "get_inputs", "get_init_inputs")


@dataclass(frozen=True, slots=True, kw_only=True)
class TensorSpec:
    """A tensor without its data. ``dtype`` in the short names of SPEC: f32, f16, bf16, f64, i32, i64, bool, …"""

    name: str
    dtype: str
    shape: tuple[int, ...]
    strides: tuple[int, ...] | None = None
    """In elements; ``None`` is contiguous."""
    offset: int = 0
    """Elements between the start of the memory, which is aligned, and the first element."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """One job: the code, and everything a prompt document or the command line said about it."""

    source: KernelSource
    gpu: str | None = None
    target_overrides: Mapping[str, object] = field(default_factory=dict)
    """Fields of Target that the document states itself; they win over the catalog."""
    stage: str | None = None
    metrics: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    """Nsight Compute metrics: kernel name to metric name to value."""
    contract: OutputContract = OutputContract()
    inputs: tuple[TensorSpec, ...] = ()
    reference_path: str | None = None
    notes: tuple[str, ...] = ()
    """What was read, and what differed from the catalog, in plain words."""
