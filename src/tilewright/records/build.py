"""What Triton's compiler made of a launch for a target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class InstructionMix:
    """SASS instruction counts by opcode stem (``HMMA``, ``LDGSTS``, ``LDS`` …), inside and outside the main loop.

    The main loop is the innermost loop that holds the most tensor-core (else memory) instructions.
    """

    loop: Mapping[str, int]
    outside: Mapping[str, int]
    loop_modifiers: Mapping[str, int]
    """Full mnemonics of the loop, with their modifiers: tells a 16-byte copy from a 4-byte one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Build:
    """Facts read from one binary. They hold for this Triton version only."""

    kernel: str
    compute_capability: tuple[int, int]
    num_warps: int
    num_stages: int
    registers_per_thread: int
    spill_bytes: int
    """Bytes of stack a thread uses (spilled registers and local arrays)."""
    shared_bytes: int
    mix: InstructionMix
    triton_version: str
    ptxas_version: str
    content_hash: str
    """Hash of the machine code and its launch: builds with one hash are the same program, whatever led to them."""
    overwrites_operands: bool = False
    """Registers that a ``wgmma`` reads may be written while it still runs, by a fault of the compiler's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildFailure:
    """The compiler refused, in its own words shortened to one line."""

    kernel: str
    compute_capability: tuple[int, int]
    kind: str
    """``out_of_resources``, ``compile_error``, ``unsupported``, ``crashed`` or ``timed_out``."""
    message: str
