"""Narrowed operands: float32 multiplied as float16, where that is no less exact than TF32 for any input.

TF32 keeps 10 bits of a float32's mantissa and cuts the rest off. A normal float16 has as many, rounded to nearest: for
each element the error is no larger. So each operand is copied to float16, times a power of two from a sample that
brings its largest elements near float16's largest. The copy looks at every element: one that is not zero and lies
outside float16's normal range raises its strip's flag in device memory. The product is taken of the copies, the scales
are undone on the sum, and a second launch computes the tiles of such strips again in the input's own arithmetic. Its
other programs return at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from tilewright.families.contraction.emit_expression import operands
from tilewright.families.contraction.emit_grid import FLATTENED
from tilewright.families.contraction.layouts import OLDEST_WITH_DESCRIPTORS, Choice, all_placed
from tilewright.families.contraction.sizes import values_of
from tilewright.families.index_expression import evaluate
from tilewright.records.algorithm import Contraction, Operand
from tilewright.records.launch import Launch, TensorArgument
from tilewright.records.schedule import Schedule
from tilewright.records.target import Target
from tilewright.records.trial import Lifted

FIELD = "operand_dtype"
NARROW = "fp16"
OLDEST_WITH_TF32 = (8, 0)
"""Before it, Triton multiplies float32 in full, and float16 would be less exact."""
SMALL_LAUNCHES = 2
"""The kernel that chooses the scales, and the one that computes again and mostly returns at once."""


def illegal_narrowing(schedule: Schedule, lifted: Lifted, target: Target) -> str | None:
    """Why operands cannot be narrowed as the schedule says; ``None`` where they can, or where it says nothing of it."""
    algorithm = lifted.algorithm
    assert isinstance(algorithm, Contraction)
    if not schedule.operand_dtype:
        return None
    if schedule.operand_dtype != NARROW:
        return f"operands are narrowed to {NARROW}, not to {schedule.operand_dtype}"
    if {_computed(algorithm.a), _computed(algorithm.b), algorithm.accumulator_dtype} != {"fp32"}:
        return "only float32 operands that are summed in float32 are narrowed"
    if algorithm.a.casts or algorithm.b.casts:
        return "an operand that the kernel casts is not narrowed"
    if algorithm.input_precision != "tf32" or target.compute_capability < OLDEST_WITH_TF32:
        return "float16 is less exact than the input's own arithmetic"
    if "as_is" in (schedule.a_layout, schedule.b_layout):
        return "a narrowed operand is a copy, and as_is is none"
    if schedule.split_k > 1:
        return "k is split where tiles are few, and copies would not pay"
    if reads_its_output(lifted):
        return "the kernel reads what it writes, and may have to run twice"
    return None


def _computed(operand: Operand) -> str:
    return operand.casts[-1] if operand.casts else operand.dtype


def reads_its_output(lifted: Lifted) -> bool:
    """Whether a second run of the kernel would see what the first one wrote (a residual added in place)."""
    algorithm = lifted.algorithm
    assert isinstance(algorithm, Contraction)
    origins = {a.parameter: a.origin for a in lifted.launch.arguments if isinstance(a, TensorArgument)}
    read = [algorithm.a, algorithm.b, *(loaded for out in algorithm.outputs for loaded in operands(out.value))]
    written = {output.operand.parameter for output in algorithm.outputs}
    written |= {origins[name] for name in written if name in origins}
    return any(one.parameter in written or origins.get(one.parameter) in written for one in read)


def with_narrowing(
    choices: Sequence[Choice], algorithm: Contraction, launch: Launch, target: Target, *, offered: bool
) -> list[Choice]:
    """The layouts to look at, each in the operands' own dtype, and the narrowed ones behind them, if ``offered``.

    A copy may as well lie as the tensor does: 16-bit units take either axis, and nothing is transposed then.
    """
    if not offered:
        return list(choices)
    values = values_of(launch)
    natural: Choice = {
        f"{side}_layout": f"{own}_major" if evaluate(operand.strides.get(own, "0"), values) == 1 else "k_major"
        for side, own, operand in (("a", "m", algorithm.a), ("b", "n", algorithm.b))
    }
    forms = (True, False) if target.compute_capability >= OLDEST_WITH_DESCRIPTORS else (False,)
    narrowed = [{**natural, "descriptors": described, FIELD: NARROW} for described in forms]
    return [*({**choice, FIELD: ""} for choice in choices), *narrowed]


def narrowed_algorithm(algorithm: Contraction, schedule: Schedule) -> Contraction:
    """The contraction with its operands in the dtype that they are read in."""
    if not schedule.operand_dtype:
        read = {one.side: one.as_read() for one in all_placed(algorithm, schedule)}
        return replace(algorithm, a=read.get("a", algorithm.a), b=read.get("b", algorithm.b)) if read else algorithm
    return replace(
        algorithm,
        a=replace(algorithm.a, dtype=schedule.operand_dtype),
        b=replace(algorithm.b, dtype=schedule.operand_dtype),
    )


def wide_schedule(before: Schedule) -> Schedule:
    """How everything is computed again: as the input does it, through pointers, one program a tile on one grid axis."""
    flat = before.program_order in FLATTENED
    return replace(
        before,
        program_order=before.program_order if flat else "row_major",
        group_m=before.group_m if before.program_order == "grouped" else 1,
        split_k=1,
        persistent=False,
        a_layout="as_is",
        b_layout="as_is",
        descriptors=False,
        operand_dtype="",
    )
