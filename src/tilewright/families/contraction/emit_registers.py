"""Write the product of a step whose B comes from registers."""

from __future__ import annotations


def product_lines(a: str, b: str, acc: str, options: str) -> list[str]:
    """Add the product of the tiles ``b`` [n, k] and ``a`` [k, m] to ``acc`` [n, m].

    Both round trips through int32 change no bit and leave no instruction. An elementwise operation between its load
    and the product is what makes Triton keep the first operand in registers. A use of the sums in the loop is what
    makes it wait for a step's ``wgmma`` before the next fragments overwrite the registers that it reads: without one
    Triton 3.6 leaves parts of the product in flight, and results were wrong on an H200 (triton-lang/triton 9433).
    """
    return [
        "# B^T is the first operand: tensor cores take it from registers, so B may lie along n. Bits do not change.",
        f"if {b}.dtype == tl.float32:",
        f"    {b} = {b}.to(tl.int32, bitcast=True).to(tl.float32, bitcast=True)",
        f"{acc} = tl.dot({b}, {a}, {acc}{options})",
        "# A use of the sums in the loop, so that Triton waits for this product before B's registers are loaded again.",
        f"{acc} = {acc}.to(tl.int32, bitcast=True).to(tl.float32, bitcast=True)",
    ]
