"""Write the launch of an emitted kernel: the grid, the arguments, and the workspace of a split k."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import ceil

from tilewright.families.contraction.emit_expression import operands
from tilewright.families.contraction.emit_grid import grid_axes
from tilewright.families.contraction.emit_kernel import accumulator_dtype
from tilewright.families.contraction.emit_narrow import bound
from tilewright.families.contraction.emit_operands import Preparation, prepare_lines
from tilewright.families.contraction.emit_signature import BLOCKS, KernelText, filled, tuned_fields
from tilewright.families.contraction.emit_text import LINE_LENGTH, fresh, substitute
from tilewright.families.contraction.reductions import SMALLEST_DOT_SIDE, held_whole
from tilewright.families.rewrite import NEW_NAME
from tilewright.records.algorithm import Contraction
from tilewright.records.schedule import Schedule

REDUCTION_BLOCKS = {"BLOCK_M": 32, "BLOCK_N": 64}
"""Tile of the kernel that adds partial sums: 16 numbers a thread, whatever the main tile is."""
LEAST_SHARED_BYTES = 101_376
"""What a program may have of shared memory on sm_86, sm_89 and sm_120, the least of sm_80 and newer (CUDA C++
Programming Guide, technical specifications per compute capability)."""
LEAST_BLOCK_K = 16
"""Steps of k that are never made shorter: tl.dot takes no less of 16 bits."""


def launch_text(
    algorithm: Contraction,
    plan: Sequence[Schedule],
    main: KernelText,
    reduction: KernelText | None,
    arguments: Mapping[str, str],
    taken: set[str],
    prepared: Preparation | None = None,
    wide: tuple[KernelText, Schedule] | None = None,
) -> str:
    """The statements that replace the input's launch.

    Args:
        algorithm: What is computed.
        plan: The schedules of the emitted kernel.
        main: The emitted kernel.
        reduction: The kernel that adds partial sums, where k is split.
        arguments: The launch's text for each kernel parameter.
        taken: Names in use in the wrapper.
        prepared: The operands that a call brings into their layout first.
        wide: The kernel that computes again what narrowed operands were not exact enough for, with its schedule.
    """
    schedule = plan[0]
    lines, arguments = bound(arguments, _tensors(algorithm) if wide else (), taken)
    device = _device(arguments[algorithm.a.parameter])
    values, reduced = dict(arguments), dict(arguments)
    chosen, block_k, num_stages = _pipeline(algorithm, plan, arguments[algorithm.a.parameter], taken)
    lines += chosen
    constants = _constants(main, schedule, algorithm, arguments) | {"BLOCK_K": block_k}
    if prepared is not None:
        blocks = {axis: constants[f"BLOCK_{axis.upper()}"] for axis in "mnk"}
        calls, new = prepare_lines(prepared, algorithm, blocks, arguments, taken)
        lines += calls
        values |= new
    if tuned_fields(plan) == "block":
        constants = _untuned(constants, algorithm)
    options = {} if len(plan) > 1 else {"num_warps": str(schedule.num_warps), "num_stages": num_stages}
    programs = fresh("num_sms", taken)
    lines += _count_sms(programs, device) if schedule.persistent else []
    if reduction is not None:
        split, partial = fresh("SPLIT_K", taken), fresh("partial", taken)
        sizes = [substitute(algorithm.extents[axis], arguments) for axis in (*algorithm.batch_axes, "m", "n")]
        dtype = {"fp32": "torch.float32", "fp64": "torch.float64", "i32": "torch.int32"}[accumulator_dtype(algorithm)]
        lines += [
            f"{split} = {schedule.split_k}",
            f"{partial} = torch.empty(({', '.join([split, *sizes])}), device={device}, dtype={dtype})",
        ]
        values.update({name: partial for group in main.groups for name in group if name not in values})
        reduced = {**values, **reduced}
        constants["SPLIT_K"] = split
    grid = f"grid{NEW_NAME}"
    lines += _grid(grid, grid_axes(algorithm, schedule, arguments, programs))
    lines += _call(f"{main.name}[{grid}]", main, values, {**constants, **options})
    if reduction is not None:
        blocks = {name: str(value) for name, value in REDUCTION_BLOCKS.items()} | {"SPLIT_K": constants["SPLIT_K"]}
        finishing = fresh("reduce_grid", taken)
        lines += _grid(finishing, grid_axes(algorithm, Schedule(program_order="row_major"), arguments, programs))
        lines += _call(f"{reduction.name}[{finishing}]", reduction, reduced, blocks)
    lines += _wide_lines(algorithm, *wide, {**values, **arguments}, taken) if wide is not None else []
    return "\n".join(lines) + "\n"


def wide_numbers_exceed(algorithm: Contraction, schedule: Schedule) -> bool:
    """Whether the buffers of a schedule for 16-bit operands would not fit shared memory if these had 32 bits."""
    operands_ab = (algorithm.a, algorithm.b)
    if schedule.operand_dtype or any(one.dtype not in {"fp16", "bf16"} for one in operands_ab):
        return False
    wide_bytes = (schedule.block_m + schedule.block_n) * schedule.block_k * 4 * schedule.num_stages
    return wide_bytes > LEAST_SHARED_BYTES and schedule.block_k >= 2 * LEAST_BLOCK_K


def _pipeline(
    algorithm: Contraction, plan: Sequence[Schedule], tensor: str, taken: set[str]
) -> tuple[list[str], str, str]:
    """Lines that choose the step of k and the stages by the tensor's dtype, if one has to, and the text of both.

    Wide numbers take half the step, and the output that is stored meanwhile, now twice as large, gets its room.
    """
    schedule = plan[0]
    if len(plan) > 1 or not wide_numbers_exceed(algorithm, schedule):
        return [], str(schedule.block_k), str(schedule.num_stages)
    stages = schedule.num_stages
    if schedule.persistent and schedule.descriptors:
        stored, fetched = schedule.block_m * schedule.block_n, (schedule.block_m + schedule.block_n) * schedule.block_k
        stages = max(1, stages - ceil(stored / fetched))
    block_k, num_stages = fresh("block_k", taken), fresh("num_stages", taken)
    narrow, wide = f"{schedule.block_k}, {schedule.num_stages}", f"{schedule.block_k // 2}, {stages}"
    lines = [
        "# Numbers of 32 bits take shorter steps, so that what is under way fits shared memory as well.",
        f"{block_k}, {num_stages} = ({narrow}) if {_attribute(tensor, 'element_size()')} <= 2 else ({wide})",
    ]
    return lines, block_k, num_stages


def _untuned(constants: Mapping[str, str], algorithm: Contraction) -> dict[str, str]:
    """What is left where the tuner sets the blocks: all but those, and blocks that hold an axis whole."""
    kept = {f"BLOCK_{axis.upper()}" for axis in held_whole(algorithm)}
    return {name: value for name, value in constants.items() if name not in BLOCKS or name in kept}


def _constants(
    kernel: KernelText, schedule: Schedule, algorithm: Contraction, arguments: Mapping[str, str]
) -> dict[str, str]:
    """Text of the kernel's constants; a block that holds an axis whole does so however long a call makes that axis."""
    constants = {name: _constant(name, schedule) for name in kernel.constants}
    for axis in sorted(held_whole(algorithm)):
        length = substitute(algorithm.extents[axis], arguments)
        if not length.isdigit():
            constants[f"BLOCK_{axis.upper()}"] = f"max({SMALLEST_DOT_SIDE}, triton.next_power_of_2({length}))"
    return constants


def _attribute(tensor: str, name: str) -> str:
    return f"{tensor}.{name}" if tensor.isidentifier() else f"({tensor}).{name}"


def _device(tensor: str) -> str:
    return _attribute(tensor, "device")


def _count_sms(name: str, device: str) -> list[str]:
    return [
        "# One program on each SM; without a GPU (Triton's interpreter) one program does it all.",
        f"{name} = (",
        f"    torch.cuda.get_device_properties({device}).multi_processor_count",
        f'    if {device}.type == "cuda"',
        "    else 1",
        ")",
    ]


def _wide_lines(
    algorithm: Contraction, kernel: KernelText, schedule: Schedule, values: Mapping[str, str], taken: set[str]
) -> list[str]:
    """The launch that computes again what narrowed operands were not exact enough for."""
    grid = fresh("wide_grid", taken)
    constants = _constants(kernel, schedule, algorithm, values)
    options = {"num_warps": str(schedule.num_warps), "num_stages": str(schedule.num_stages)}
    return [
        "# Tiles with a flag that is up are computed again; all other programs return at once.",
        *_grid(grid, grid_axes(algorithm, schedule, values, "")),
        *_call(f"{kernel.name}[{grid}]", kernel, values, {**constants, **options}),
    ]


def _tensors(algorithm: Contraction) -> list[str]:
    """Parameters of all tensors, read and written."""
    found = [algorithm.a.parameter, algorithm.b.parameter]
    for output in algorithm.outputs:
        found += [output.operand.parameter, *(one.parameter for one in operands(output.value))]
    return list(dict.fromkeys(found))


def _constant(name: str, schedule: Schedule) -> str:
    return str(getattr(schedule, name.lower()))


def _grid(name: str, axes: Sequence[str]) -> list[str]:
    shown = name.removesuffix(NEW_NAME)
    line = f"{name} = lambda META: ({', '.join(axes)}{',' if len(axes) == 1 else ''})"
    if len(line) - len(name) + len(shown) <= LINE_LENGTH - 8:
        return [line]
    return [f"{name} = lambda META: (", *[f"    {axis}," for axis in axes], ")"]


def _call(callee: str, kernel: KernelText, values: Mapping[str, str], keywords: Mapping[str, str]) -> list[str]:
    lines = [f"{callee}("]
    for group in kernel.groups:
        lines += [f"    {line}," for line in filled([values[name] for name in group])]
    lines += [f"    {line}," for line in filled([f"{name}={value}" for name, value in keywords.items()])]
    return [*lines, ")"]
