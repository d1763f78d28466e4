"""Instruction counts inside and outside of a kernel's main loop."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence

from tilewright.compiler.flow import Loop, find_loops
from tilewright.compiler.sass import Instruction
from tilewright.records.build import InstructionMix

_TENSOR = re.compile(r"^(?:[A-Z]?G?MMA|UTC[A-Z]*MMA)$")
_LOADS = ("LD", "LDG", "LDGSTS", "LDS", "LDSM", "LDSMT", "LDT", "LDTM")
_STORES = ("ST", "STG", "STS", "STSM", "STT", "STTM")
_UPDATES = ("ATOM", "ATOMG", "ATOMS", "RED", "REDG", "REDAS")
_BULK_COPIES = ("UTMALDG", "UTMASTG", "UTMAREDG", "UBLKCP", "UBLKRED")
_MEMORY = frozenset((*_LOADS, *_STORES, *_UPDATES, *_BULK_COPIES))


def is_tensor_core(stem: str) -> bool:
    """Whether an opcode stem is a tensor-core multiplication: HMMA, IMMA, HGMMA, QGMMA, UTCHMMA …"""
    return _TENSOR.match(stem) is not None


def is_memory(stem: str) -> bool:
    """Whether an opcode stem moves data from or to global, shared or tensor memory (not constants, not spills)."""
    return stem in _MEMORY


def count_mix(functions: Mapping[str, Sequence[Instruction]], kernel: str) -> InstructionMix:
    """Count instructions of ``kernel`` inside its main loop and outside of it.

    Padding and instructions that never run are left out. Functions that the kernel calls count as outside.
    """
    code = functions.get(kernel, ())
    loop = main_loop(code)
    members = loop.members if loop is not None else frozenset()
    inside = [i for i in code if i.address in members and i.counts]
    outside = [i for i in code if i.address not in members and i.counts]
    for name, other in functions.items():
        if name != kernel:
            outside.extend(i for i in other if i.counts)
    return InstructionMix(
        loop=_counts(i.stem for i in inside),
        outside=_counts(i.stem for i in outside),
        loop_modifiers=_counts(i.mnemonic for i in inside),
    )


def main_loop(code: Sequence[Instruction]) -> Loop | None:
    """Return the innermost loop with the most tensor-core instructions, else the most memory instructions."""
    loops = find_loops(code)
    return _busiest(loops, code, is_tensor_core) or _busiest(loops, code, is_memory)


def _busiest(loops: Sequence[Loop], code: Sequence[Instruction], wanted: Callable[[str], bool]) -> Loop | None:
    holding = {
        loop: count
        for loop in loops
        if (count := sum(1 for i in code if i.address in loop.members and i.counts and wanted(i.stem)))
    }
    innermost = [loop for loop in holding if not any(other.members < loop.members for other in holding)]
    return max(innermost, key=lambda loop: (holding[loop], -loop.head), default=None)


def _counts(words: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(words).items()))
