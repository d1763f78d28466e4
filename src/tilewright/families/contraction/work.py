"""The Work of a contraction under a Schedule: its tiles, their bytes and flops, with one launch's sizes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import ceil, prod

from tilewright.families.contraction.emit_expression import operands as epilogue_operands
from tilewright.families.contraction.emit_parts import HELD_VALUES, demanding, epilogue_instructions, parts_of
from tilewright.families.contraction.layouts import all_placed, copied, lies_so
from tilewright.families.contraction.narrowing import SMALL_LAUNCHES, narrowed_algorithm
from tilewright.families.contraction.reductions import stored_places
from tilewright.families.contraction.registers import REGISTERS
from tilewright.families.contraction.sizes import sizes_of, values_of
from tilewright.families.contraction.triangles import kept, skips, steps_of_programs
from tilewright.families.index_expression import evaluate
from tilewright.records.algorithm import Contraction, Operand, Output
from tilewright.records.launch import Launch
from tilewright.records.schedule import Schedule
from tilewright.records.trial import Lifted
from tilewright.records.work import TiledOperand, TileGrid, Work

ELEMENT_BYTES = {
    "fp64": 8, "i64": 8, "u64": 8, "fp32": 4, "i32": 4, "u32": 4, "fp16": 2, "bf16": 2, "i16": 2, "u16": 2,
}  # fmt: skip
"""Bytes of an element; every dtype that is not named takes one."""
_PARTIAL_BYTES = 4
_NARROW_BYTES = 2


@dataclass(frozen=True, slots=True)
class _Known:
    """What schedules of one launch do: a ranking asks for each twice, whether it fits and how long it takes.

    Kept for the launch asked about last; records are compared by identity, since they hold mappings.
    """

    lifted: Lifted
    launch: Launch
    works: dict[tuple[Schedule, bool], Work] = field(default_factory=dict)


_known: _Known | None = None


def work(lifted: Lifted, schedule: Schedule, launch: Launch, *, as_input: bool = False) -> Work:
    """What one launch under ``schedule`` does to the machine.

    The second kernel of a split k counts with its launch and its bytes; copies of operands that a layout asks for, and
    the launch does not have, count by themselves. Of triangles an emitted kernel walks only the steps of k that are not
    all zeros, and the input, which is what ``as_input`` asks for, all of them; nor does that finish its tiles in parts.

    Raises:
        ValueError: ``lifted`` is no contraction, or an extent cannot be evaluated.
    """
    global _known
    known = _known
    if known is None or known.lifted is not lifted or known.launch is not launch:
        known = _known = _Known(lifted, launch)
    key = (schedule, as_input)
    if key not in known.works:
        known.works[key] = _work(lifted, schedule, launch, as_input=as_input)
    return known.works[key]


def _work(lifted: Lifted, schedule: Schedule, launch: Launch, *, as_input: bool) -> Work:
    if not isinstance(lifted.algorithm, Contraction):
        raise ValueError(f"{lifted.algorithm.kernel} is no contraction")
    algorithm = narrowed_algorithm(lifted.algorithm, schedule)
    sizes = sizes_of(algorithm, launch)
    m, n, k = (max(sizes[axis], 1) for axis in "mnk")
    batch = prod(max(sizes[axis], 1) for axis in algorithm.batch_axes)
    grid = _grid(schedule, m, n, batch)
    whole = max(1, -(-k // (schedule.block_k * schedule.split_k)))
    mean, most = float(whole), 0.0
    if skips(algorithm) and not as_input:
        mean, most = steps_of_programs(algorithm, schedule, (m, n, k))
    programs = grid.num_m * grid.num_n * batch * schedule.split_k
    padded = 2.0 * programs * mean * schedule.block_m * schedule.block_n * schedule.block_k
    unit, times = _unit(algorithm, schedule)
    values = values_of(launch)
    tiled = _operands(algorithm, schedule, sizes, values, mean / whole)
    copies = _copies(lifted.algorithm, schedule, launch, sizes, values)
    written = sum(_stored(output, sizes) * batch for output in algorithm.outputs)
    read, read_once = _epilogue_bytes(algorithm, grid, sizes)
    partial = _PARTIAL_BYTES * m * n * batch * schedule.split_k if schedule.split_k > 1 else 0
    return Work(
        kernel=algorithm.kernel,
        programs=programs,
        num_warps=schedule.num_warps,
        num_stages=schedule.num_stages,
        flops={unit: padded * times},
        minimum_dram_bytes=sum(_least(one, sizes) for one in (algorithm.a, algorithm.b)) + written + read_once,
        read_bytes=float(read + partial),
        written_bytes=float(written + partial),
        block_m=schedule.block_m,
        block_n=schedule.block_n,
        block_k=schedule.block_k,
        compute_bytes=max(_bytes(_computed(algorithm.a)), _bytes(_computed(algorithm.b))),
        stored_bytes=max(_bytes(output.operand.dtype) for output in algorithm.outputs),
        epilogue_parts=1 if as_input else parts_of(algorithm, (schedule,)),
        epilogue_instructions=epilogue_instructions(algorithm),
        epilogue_values=HELD_VALUES if schedule.split_k == 1 and demanding(algorithm) else 0.0,
        k_steps=max(1, round(mean)),
        most_k_steps=ceil(most),
        tiles=grid,
        operands=tiled,
        persistent=schedule.persistent,
        descriptors=schedule.descriptors,
        turned=schedule.b_layout == REGISTERS,
        copies=len(copies),
        copied_bytes=sum(copies),
        small_launches=(SMALL_LAUNCHES if schedule.operand_dtype else 0) + (schedule.split_k > 1),
    )


def _grid(schedule: Schedule, m: int, n: int, batch: int) -> TileGrid:
    return TileGrid(
        num_m=-(-m // schedule.block_m),
        num_n=-(-n // schedule.block_n),
        batch=batch,
        split_k=schedule.split_k,
        program_order=schedule.program_order,
        group_m=schedule.group_m,
    )


def _computed(operand: Operand) -> str:
    return operand.casts[-1] if operand.casts else operand.dtype


def _bytes(dtype: str) -> int:
    return ELEMENT_BYTES.get(dtype, 1)


def _unit(algorithm: Contraction, schedule: Schedule) -> tuple[str, int]:
    """The unit that multiplies, and how many of its products make one."""
    dtype = _computed(algorithm.a)
    if dtype == "bf16":
        return "tensor_bf16", 1
    if dtype == "fp32":
        known = {"tf32": ("tensor_tf32", 1), "tf32x3": ("tensor_tf32", 3)}
        return known.get(schedule.input_precision, ("fp32", 1))
    return ("fp32", 1) if dtype in {"fp64", "i32", "i64"} else ("tensor_fp16", 1)


def _least(operand: Operand, sizes: Mapping[str, int]) -> float:
    """Bytes of all its elements that count, once each."""
    return _elements(operand, sizes) * float(_bytes(operand.dtype)) * kept(operand.orders, sizes)


def _stored(output: Output, sizes: Mapping[str, int]) -> float:
    """Bytes of one of a batch of outputs; of a triangle with nothing beyond its diagonal, those of its elements."""
    share = 1.0 if output.zero_outside else kept(output.orders, sizes)
    return _bytes(output.operand.dtype) * prod(max(sizes[axis], 1) for axis in stored_places(output)) * share


def _elements(operand: Operand, sizes: Mapping[str, int]) -> int:
    return prod(max(sizes[axis], 1) for axis in sizes if operand.strides.get(axis, "0") != "0")


def _operands(
    algorithm: Contraction,
    schedule: Schedule,
    sizes: Mapping[str, int],
    values: Mapping[str, int],
    walked: float,
) -> tuple[TiledOperand, ...]:
    """Both operands' tiles; ``walked`` is the share of k that programs walk."""
    contiguous = {one.side: one.columns for one in all_placed(algorithm, schedule)}
    sides = (("a", algorithm.a, "m", schedule.block_m), ("b", algorithm.b, "n", schedule.block_n))
    return tuple(
        _tiled(operand, axis, block * schedule.block_k, sizes, values, contiguous.get(side), walked)
        for side, operand, axis, block in sides
    )


def _copies(
    algorithm: Contraction,
    schedule: Schedule,
    launch: Launch,
    sizes: Mapping[str, int],
    values: Mapping[str, int],
) -> list[float]:
    """Bytes of each copy that the schedule needs for what the launch was given.

    Narrowed operands and triangles always are copies.
    """
    if schedule.operand_dtype:
        return [_narrowed_bytes(operand, sizes) for operand in (algorithm.a, algorithm.b)]
    found = []
    for one in all_placed(algorithm, schedule):
        size = _bytes(one.operand.dtype)
        in_place = lies_so(one, launch, sizes, values, element_bytes=size, descriptors=schedule.descriptors)
        if one.operand.orders or not in_place:
            found.append(copied(one, sizes, size) * kept(one.operand.orders, sizes))
    return found


def _narrowed_bytes(operand: Operand, sizes: Mapping[str, int]) -> float:
    """Bytes that narrowing an operand reads and writes."""
    share = kept(operand.orders, sizes)
    return _elements(operand, sizes) * share * float(_bytes(operand.dtype) + _NARROW_BYTES)


def _tiled(
    operand: Operand,
    axis: str,
    tile: int,
    sizes: Mapping[str, int],
    values: Mapping[str, int],
    contiguous: str | None,
    walked: float,
) -> TiledOperand:
    """The operand's tiles; ``contiguous`` is the axis that its layout makes so, ``None`` where it is read as it is."""
    size = _bytes(operand.dtype)
    moved = [name for name in sizes if operand.strides.get(name, "0") != "0"]
    unit = [name for name in (axis, "k") if name in moved and evaluate(operand.strides[name], values) == 1]
    return TiledOperand(
        name=operand.parameter,
        axes=(axis, "batch") if any(name not in "mnk" for name in moved) else (axis,),
        tile_bytes=float(tile * size),
        total_bytes=_elements(operand, sizes) * walked * size,
        element_bytes=size,
        contiguous_axis=contiguous or (unit[-1] if unit else ""),
        one_by_one=bool(operand.orders) and contiguous is None,
    )


def _epilogue_bytes(algorithm: Contraction, grid: TileGrid, sizes: Mapping[str, int]) -> tuple[int, int]:
    """Bytes that the epilogue's loads ask for, and those of their tensors counted once."""
    asked = once = 0
    for output in algorithm.outputs:
        for operand in epilogue_operands(output.value):
            moved = [axis for axis in sizes if operand.strides.get(axis, "0") != "0"]
            own = prod(max(sizes[axis], 1) for axis in moved) * _bytes(operand.dtype)
            repeats = (1 if "m" in moved else grid.num_m) * (1 if "n" in moved else grid.num_n)
            shared = prod(max(sizes[axis], 1) for axis in algorithm.batch_axes if axis not in moved)
            asked += own * repeats * shared
            once += own
    return asked, once
