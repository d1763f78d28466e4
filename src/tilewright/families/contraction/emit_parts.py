"""An epilogue in parts of the tile along n, one after the other, where all at once it would not fit the registers.

Triton computes each step of an epilogue for all sums of a thread before the next step, and so holds several values for
each. Beside 128 sums a thread that spills: 128x256 tiles with 8 warps and 128x128 with 4, with a bias and GELU, by 80
to 208 bytes a thread on sm_90 (Triton 3.6). In halves nothing spills there, in quarters they take some 175 registers.
"""

from __future__ import annotations

from collections.abc import Sequence

from tilewright.families.contraction.emit_expression import inner_expressions
from tilewright.families.contraction.emit_text import Lines, Names
from tilewright.families.contraction.reductions import held_whole
from tilewright.records.algorithm import Apply, Contraction, Expression, Loaded
from tilewright.records.schedule import Schedule

HELD_VALUES = 1.1
"""Values beside its sum that a demanding epilogue holds for each sum, by eleven builds of GELU for sm_90."""
_FUNCTION_INSTRUCTIONS = 33.0
"""Of a demanding function, for each sum: GELU's erf by the binary for sm_90; sine and cosine were not counted."""
_PART_SUMS = 32
_MOST_PARTS = 4
_LEAST_COLUMNS = 16
_WGMMA_WARPS, _WGMMA_ROWS = 4, 64
_DEMANDING = frozenset({"erf", "sin", "cos"})
"""Written out by Triton in many steps of arithmetic. Beside 128 sums the other functions fit, as built for sm_90."""


def demanding(algorithm: Contraction) -> bool:
    """Say whether an epilogue holds about as many values beside the sums as there are sums.

    That is one with a function of many steps, and one that reads a tensor as large as the output.
    """
    return any(_demands(output.value) for output in algorithm.outputs)


def epilogue_instructions(algorithm: Contraction) -> float:
    """Return how many instructions the demanding functions of an epilogue take for each sum."""
    return _FUNCTION_INSTRUCTIONS * sum(_demanding_functions(output.value) for output in algorithm.outputs)


def _demanding_functions(value: Expression) -> int:
    own = isinstance(value, Apply) and value.operation in _DEMANDING
    return own + sum(map(_demanding_functions, inner_expressions(value)))


def _demands(value: Expression) -> bool:
    if isinstance(value, Loaded):
        return all(value.operand.strides.get(axis, "0") != "0" for axis in "mn")
    return (isinstance(value, Apply) and value.operation in _DEMANDING) or any(map(_demands, inner_expressions(value)))


def parts_of(algorithm: Contraction, plan: Sequence[Schedule]) -> int:
    """Return in how many parts a kernel writes its tile: 1, 2 or 4.

    Enough for 32 sums a thread in each, so that values of an epilogue take few registers beside the sums. The kernel
    that finishes a split k has no sums beside those that it reads, and a triangle's masks are left whole, as is a row
    that is reduced. Where warp groups lie side by side along n a part would have to change hands.
    """
    if not demanding(algorithm) or plan[0].split_k > 1 or any(output.orders for output in algorithm.outputs):
        return 1
    if held_whole(algorithm):
        return 1
    if any(entry.num_warps // _WGMMA_WARPS > max(1, entry.block_m // _WGMMA_ROWS) for entry in plan):
        return 1
    sums = max(entry.block_m * entry.block_n // (32 * entry.num_warps) for entry in plan)
    columns = min(entry.block_n for entry in plan)
    parts = 1
    while parts < _MOST_PARTS and sums > _PART_SUMS * parts and columns >= 2 * parts * _LEAST_COLUMNS:
        parts *= 2
    return parts


def write_split(lines: Lines, names: Names, parts: int) -> str:
    """Split the sums along n, and open a loop over the parts that binds the columns of each, unmasked.

    Returns:
        The name of one part's sums.
    """
    acc = names("acc")
    words = {2: "halves", 4: "quarters"}
    lines.add(f"# In {words[parts]}: for all sums at once the values computed below would take too many registers.")
    left, right = names("left"), names("right")
    lines.add(f"{left}, {right} = tl.split({acc}.reshape(BLOCK_M, 2, BLOCK_N // 2).permute(0, 2, 1))")
    found = [left, right]
    if parts == _MOST_PARTS:
        found = [names(f"quarter_{number}") for number in range(parts)]
        for half, pair in ((left, found[:2]), (right, found[2:])):
            again = f"{half}.reshape(BLOCK_M, 2, BLOCK_N // 4).permute(0, 2, 1)"
            lines.add(f"{pair[0]}, {pair[1]} = tl.split({again})")
    every, part = names("parts"), names("part")
    width = f"BLOCK_N // {parts}"
    lines.add(f"{every} = ({', '.join(found)})", f"for {part} in tl.static_range({parts}):")
    lines.indent += 1
    place = f"tl.cast({names('pid_n')}, tl.int64) * BLOCK_N + {part} * ({width})"
    lines.add(
        f"{names('acc_part')} = {every}[{part}]",
        f"{names('offs_part')} = {place} + tl.arange(0, {width})",
    )
    return names("acc_part")
