"""Wrong code that a compiler is known to make, found in the PTX that it made."""

from __future__ import annotations

import re

_PRODUCT = re.compile(r"wgmma\.mma_async\S*\s*\{[^{}]*\},\s*\{([^{}]*)\}")
"""A ``wgmma`` whose first operand is a list of registers, as its sums are; a descriptor stands alone."""
_WAIT = re.compile(r"wgmma\.wait_group\S*\s+(\d+)\s*;")
_MOVE = re.compile(r"mov\.b32\s+(%r\d+),\s*%r\d+\s*;")


def overwrites_operands(ptx: str) -> bool:
    """Say whether registers that a ``wgmma`` reads may be written while it still runs.

    Triton up to 3.6 lets products whose first operand is in registers stay in flight, and computes the next step's
    operand into the same registers: with 3 of 4 products in flight a quarter of an output was wrong on an H200. Later
    versions move each operand into registers of its own (triton-lang/triton issue 9433).
    """
    if not any(int(pending) for pending in _WAIT.findall(ptx)):
        return False
    taken = {register.strip() for listed in _PRODUCT.findall(ptx) for register in listed.split(",")}
    return not taken <= set(_MOVE.findall(ptx))
