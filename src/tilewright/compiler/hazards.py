"""Wrong code that a compiler is known to make, found in the PTX that it made."""

from __future__ import annotations

import re

_STEP = re.compile(
    r"wgmma\.mma_async\S*\s*\{[^{}]*\},\s*\{(?P<taken>[^{}]*)\}"
    r"|wgmma\.wait_group\S*\s+(?P<pending>\d+)\s*;"
    r"|mov\.b32\s+(?P<moved>%r\d+),\s*%r\d+\s*;"
)
"""A ``wgmma`` whose first operand is a list of registers, as its sums are, and no descriptor; a wait; a move."""


def overwrites_operands(ptx: str) -> bool:
    """Say whether registers that a ``wgmma`` reads may be written while it still runs.

    Triton 3.6 lets products whose first operand is in registers stay in flight, and computes the next step's
    operand into the same registers: with 3 of 4 products in flight, results were off by 2 to 38 % on an H200. Later
    versions move each operand into registers of its own, after the wait before its product (triton-lang/triton issue
    9433): only that one is not in flight any more when they are written again.
    """
    stays_in_flight = unguarded = False
    moved: set[str] = set()
    for step in _STEP.finditer(ptx):
        if step["moved"]:
            moved.add(step["moved"])
        elif step["pending"]:
            stays_in_flight |= int(step["pending"]) > 0
            moved.clear()
        else:
            unguarded |= not {register.strip() for register in step["taken"].split(",")} <= moved
    return stays_in_flight and unguarded
