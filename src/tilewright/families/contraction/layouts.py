"""Operand layouts: which axis is contiguous, whether an operand lies so in a launch, and what a copy of it moves."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import product
from math import prod
from typing import Any

from tilewright.families.contraction.registers import REGISTERS, fits_registers, illegal_registers
from tilewright.families.contraction.sizes import sizes_of, values_of
from tilewright.families.index_expression import evaluate
from tilewright.records.algorithm import Contraction, Operand
from tilewright.records.launch import Launch, TensorArgument
from tilewright.records.schedule import Schedule
from tilewright.records.target import Target

LAYOUT_GROUP = ("a_layout", "b_layout", "descriptors")
"""Fields that only make sense together."""
ROW_MULTIPLE = 16
"""Elements that the rows of a copy are padded to a multiple of: Triton knows a number to be a multiple of 16, or
nothing of it, and reads and writes 16 bytes at once only where it knows."""
OLDEST_WITH_DESCRIPTORS = (9, 0)
DESCRIPTOR_BYTES = {"fp32": 4, "fp16": 2, "bf16": 2}
"""Bytes of an element of the dtypes that are loaded through descriptors."""
Choice = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """An operand that is read with one axis contiguous."""

    side: str
    """``a`` or ``b``."""
    operand: Operand
    batch: tuple[str, ...]
    """Batch axes that move it."""
    rows: str
    columns: str
    """The contiguous axis; ``rows`` is the other one of its tile."""

    @property
    def axes(self) -> tuple[str, ...]:
        """Its axes, the contiguous one last."""
        return (*self.batch, self.rows, self.columns)

    @property
    def own(self) -> str:
        """``m`` or ``n``, whichever it has."""
        return self.rows if self.columns == "k" else self.columns

    @property
    def dtype(self) -> str:
        """Of its elements when the kernel reads them: a cast to fewer bytes is made once, in the copy."""
        casts, own = self.operand.casts, DESCRIPTOR_BYTES.get(self.operand.dtype, 0)
        return casts[0] if len(casts) == 1 and DESCRIPTOR_BYTES.get(casts[0], own) < own else self.operand.dtype

    @property
    def is_cast(self) -> bool:
        """Whether it is copied for its dtype's sake alone."""
        return self.dtype != self.operand.dtype

    def as_read(self) -> Operand:
        """The operand as the kernel reads it."""
        return replace(self.operand, dtype=self.dtype, casts=()) if self.is_cast else self.operand


def placed(algorithm: Contraction, schedule: Schedule, side: str) -> Placed | None:
    """One operand in its schedule's layout; ``None`` where it is read as it is."""
    layout = schedule.a_layout if side == "a" else schedule.b_layout
    if layout == "as_is":
        return None
    operand, own = (algorithm.a, "m") if side == "a" else (algorithm.b, "n")
    return Placed(
        side=side,
        operand=operand,
        batch=tuple(axis for axis in algorithm.batch_axes if operand.strides.get(axis, "0") != "0"),
        rows=own if layout == "k_major" else "k",
        columns="k" if layout == "k_major" else own,
    )


def all_placed(algorithm: Contraction, schedule: Schedule) -> tuple[Placed, ...]:
    """Every operand that the schedule reads in a layout of its choice."""
    found = (placed(algorithm, schedule, side) for side in "ab")
    return tuple(one for one in found if one is not None)


def illegal_layout(schedule: Schedule, algorithm: Contraction, target: Target) -> str | None:
    """Why operands cannot be read in the schedule's layouts on ``target``; ``None`` where they can."""
    if schedule.a_layout not in ("as_is", "k_major", "m_major"):
        return f"A has no layout {schedule.a_layout}"
    if schedule.b_layout not in ("as_is", "k_major", "n_major", REGISTERS):
        return f"B has no layout {schedule.b_layout}"
    if reason := illegal_registers(schedule, algorithm, target):
        return reason
    found = all_placed(algorithm, schedule)
    for one in found:
        name = one.operand.parameter
        if one.operand.offset != "0":
            return f"{name} is read from an offset, and only whole tensors are copied or described"
        if len(one.batch) > 1:
            return f"{name} has {len(one.batch)} batch axes, and at most one is copied or described"
        if "0" in (one.operand.strides.get(axis, "0") for axis in one.axes):
            return f"{name} repeats itself along an axis of its tile"
    if not schedule.descriptors:
        return None
    if len(found) < 2:
        return "descriptors need an axis that is contiguous, and as_is promises none"
    if target.compute_capability < OLDEST_WITH_DESCRIPTORS:
        return "descriptors are loaded by the copy engine of compute capability 9.0 and later"
    unknown = [one.dtype for one in found if one.dtype not in DESCRIPTOR_BYTES]
    return f"{unknown[0]} is not loaded through descriptors" if unknown else None


def layout_choices(algorithm: Contraction, launch: Launch, target: Target) -> list[Choice]:
    """The combinations of layouts and descriptors that make sense for a launch on a target, pointers as is first.

    A layout that needs no copy is looked at where the tensor cores take it: 16-bit units of Hopper and Blackwell take
    either axis, 32-bit ones want K, and Hopper's take B along N through registers. Pointers with a layout are worth a
    look for what does not lie along K. A triangle is a copy in any layout, with zeros for the rest, and needs no masks
    then: worth a look as it lies, too. So is what the kernel casts to fewer bytes.
    """
    values = values_of(launch)
    sides = {"a": ("a_layout", "m"), "b": ("b_layout", "n")}
    k_major = {field: "k_major" for field, _ in sides.values()}
    plain: list[Choice] = [{"a_layout": "as_is", "b_layout": "as_is", "descriptors": False}]
    along_k = {side: _stride(algorithm, side, "k", values) == 1 for side in sides}
    triangles = bool(algorithm.a.orders or algorithm.b.orders)
    cast = any(one.is_cast for one in all_placed(algorithm, Schedule(a_layout="k_major", b_layout="k_major")))
    natural: Choice = {
        field: f"{own}_major" if _stride(algorithm, side, own, values) == 1 else "k_major"
        for side, (field, own) in sides.items()
    }
    pointers = [
        {field: layout for (field, _), layout in zip(sides.values(), layouts, strict=True)}
        for layouts in product(*(("as_is",) if along_k[side] else ("as_is", "k_major") for side in sides))
    ]
    pointers += [k_major, natural] if triangles or cast else []
    found = plain + [{**choice, "descriptors": False} for choice in pointers if {*choice.values()} != {"as_is"}]
    if target.compute_capability >= OLDEST_WITH_DESCRIPTORS:
        found.append({**k_major, "descriptors": True})
        computed = [(one.casts or (one.dtype,))[-1] for one in (algorithm.a, algorithm.b)]
        if triangles or all(DESCRIPTOR_BYTES.get(dtype) == 2 for dtype in computed):
            found.append({**natural, "descriptors": True})
        if fits_registers(algorithm, target) and natural["b_layout"] == "n_major" and _in_place(algorithm, launch):
            found.append({**k_major, "b_layout": REGISTERS, "descriptors": True})
    return [choice for number, choice in enumerate(found) if choice not in found[:number]]


def _in_place(algorithm: Contraction, launch: Launch) -> bool:
    """Whether the launch's own B is described as it lies, along n."""
    one = placed(algorithm, Schedule(b_layout=REGISTERS), "b")
    assert one is not None
    sizes, values = sizes_of(algorithm, launch), values_of(launch)
    return lies_so(one, launch, sizes, values, element_bytes=DESCRIPTOR_BYTES["fp32"], descriptors=True)


def _stride(algorithm: Contraction, side: str, axis: str, values: Mapping[str, int]) -> int:
    operand = algorithm.a if side == "a" else algorithm.b
    return evaluate(operand.strides.get(axis, "0"), values)


def lies_so(
    one: Placed,
    launch: Launch,
    sizes: Mapping[str, int],
    values: Mapping[str, int],
    *,
    element_bytes: int,
    descriptors: bool,
) -> bool:
    """Whether the launch's own tensor is in the layout, by the rule that the emitted wrapper checks at run time."""
    if one.is_cast:
        return False
    strides = [evaluate(one.operand.strides.get(axis, "0"), values) for axis in one.axes]
    multiple = max(1, 16 // element_bytes) if descriptors else ROW_MULTIPLE
    offset = next(
        (a.offset for a in launch.arguments if isinstance(a, TensorArgument) and a.parameter == one.operand.parameter),
        0,
    )
    whole_rows = all(stride >= sizes[one.columns] and stride % multiple == 0 for stride in strides[:-1])
    return strides[-1] == 1 and whole_rows and offset * element_bytes % 16 == 0


def copied(one: Placed, sizes: Mapping[str, int], element_bytes: int) -> float:
    """Bytes that a copy of the operand reads and writes."""
    written_bytes = DESCRIPTOR_BYTES[one.dtype] if one.is_cast else element_bytes
    return float(element_bytes + written_bytes) * prod(max(sizes[axis], 1) for axis in one.axes)
