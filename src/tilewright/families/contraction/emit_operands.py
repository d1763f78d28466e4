"""Bring operands into the layout that a schedule asks for: at each call, the tensor itself where it lies so, or a copy.

Three pieces go into the file: a kernel that packs, a function that decides and packs, and its calls before the launch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tilewright.families.contraction.emit_bands import HIGH, LOW, band_text, mask_lines, reach, return_lines
from tilewright.families.contraction.emit_expression import operands
from tilewright.families.contraction.emit_narrow import Narrowing, narrowing, scale_lines
from tilewright.families.contraction.emit_signature import Parameter, filled
from tilewright.families.contraction.emit_text import LINE_LENGTH, Names, fresh, names_in, substitute
from tilewright.families.contraction.layouts import ROW_MULTIPLE, Placed, all_placed
from tilewright.families.rewrite import unique_names
from tilewright.records.algorithm import Contraction
from tilewright.records.schedule import Schedule

TORCH_DTYPES = {"fp16": "torch.float16", "bf16": "torch.bfloat16"}
"""What a copy may be cast to."""
PACK_BLOCK = 64
"""Rows and columns of the tile that one program of the packing kernel copies."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prepared:
    """An operand as the emitted kernel takes it, in the place of the input's pointer and strides."""

    placed: Placed
    pointer: str
    """Parameter for its descriptor, or for a pointer to it."""
    strides: tuple[str, ...] = ()
    """Parameters for the strides along its batch and its rows; none beside a descriptor."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Preparation:
    """All of a file's operands that are prepared, and what the pieces of the file are called."""

    operands: tuple[Prepared, ...]
    function: str
    pack: str
    descriptors: bool
    narrowing: Narrowing | None = None
    """What the pieces are called that narrow the operands; ``None`` where these keep their dtype."""
    reach: int = 0
    """How far from a triangle the main kernel reads; 0 where no operand is one."""

    @property
    def casts(self) -> bool:
        """Whether the copy of some operand has another dtype."""
        return self.narrowing is None and any(one.placed.is_cast for one in self.operands)

    @property
    def is_batched(self) -> bool:
        """Whether some operand has a batch axis."""
        return any(one.placed.batch for one in self.operands)


def preparation(
    text: str, algorithm: Contraction, parameters: Sequence[Parameter], plan: Sequence[Schedule]
) -> Preparation | None:
    """What has to be prepared for ``plan``; ``None`` where operands are read as they are."""
    schedule = plan[0]
    found = all_placed(algorithm, schedule)
    if not found:
        return None
    names = Names(parameter.name for parameter in parameters)
    named = unique_names(text, [f"{algorithm.kernel}_pack", f"{algorithm.kernel}_operand"])
    pack, function = named.values()
    prepared = []
    for one in found:
        if schedule.descriptors:
            prepared.append(Prepared(placed=one, pointer=names(f"{one.side}_desc")))
            continue
        shared = _uses(algorithm, one.operand.parameter) > 1
        batch = tuple(names(f"stride_{one.side}_batch") for _ in one.batch)
        prepared.append(
            Prepared(
                placed=one,
                pointer=names(f"{one.side}_rows_ptr") if shared else one.operand.parameter,
                strides=(*batch, names(f"stride_{one.side}")),
            )
        )
    narrow = narrowing(text, algorithm.kernel, parameters) if schedule.operand_dtype else None
    return Preparation(
        operands=tuple(prepared),
        function=narrow.function if narrow else function,
        pack=pack,
        descriptors=schedule.descriptors,
        narrowing=narrow,
        reach=reach(plan) if any(one.operand.orders for one in found) else 0,
    )


def _uses(algorithm: Contraction, parameter: str) -> int:
    """How many operands, outputs included, are reached through one parameter."""
    read = [algorithm.a, algorithm.b]
    for output in algorithm.outputs:
        read += [output.operand, *operands(output.value)]
    return sum(one.parameter == parameter for one in read)


def prepared_algorithm(algorithm: Contraction, given: Preparation | None) -> Contraction:
    """The contraction over the operands as they are after preparation; of a descriptor there are no strides to know."""
    for one in given.operands if given else ():
        strides = dict.fromkeys(one.placed.axes, "1")
        strides |= dict(zip(one.placed.axes, one.strides, strict=False))
        operand = replace(one.placed.as_read(), parameter=one.pointer, strides=strides)
        if given is not None and given.narrowing is not None:
            operand = replace(operand, dtype="fp16")
        algorithm = replace(algorithm, a=operand) if one.placed.side == "a" else replace(algorithm, b=operand)
    return algorithm


def stand_ins(given: Preparation | None, parameters: Sequence[Parameter]) -> dict[str, list[str]]:
    """Input's parameter to the new ones that take its place: pointers for pointers, strides for strides."""
    found: dict[str, list[str]] = {}
    for one in given.operands if given else ():
        pointer = one.placed.operand.parameter
        if one.pointer != pointer:
            found.setdefault(pointer, []).append(one.pointer)
        inside = {name for axis in one.placed.axes for name in names_in(one.placed.operand.strides[axis])}
        first = next((parameter.name for parameter in parameters if parameter.name in inside), pointer)
        found.setdefault(first, []).extend(one.strides)
    return found


def prepared_names(given: Preparation | None) -> set[str]:
    """Names of the input's parameters that the calls of the function need texts for."""
    found: set[str] = set()
    for one in given.operands if given else ():
        found.add(one.placed.operand.parameter)
        found |= {name for axis in one.placed.axes for name in names_in(one.placed.operand.strides[axis])}
    return found


def pack_text(given: Preparation) -> str:
    """The kernel that copies a tensor so that its columns are contiguous."""
    batched = given.is_batched
    lines = [
        "@triton.jit",
        f"def {given.pack}(",
        "    x_ptr, packed_ptr,",
        f"    rows, columns,{f' {LOW}, {HIGH},' if given.reach else ''}",
        f"    {'stride_batch, ' if batched else ''}stride_row, stride_column, stride_packed,",
        f"    BLOCK: tl.constexpr,{' REACH: tl.constexpr,' if given.reach else ''}",
        "):",
        '    """packed[row, column] = x[row, column], columns contiguous and zeros after the last one'
        + (', and around the band."""' if given.reach else '."""'),
        "    pid = tl.program_id(0)",
        "    tiles = tl.cdiv(columns, BLOCK)",
    ]
    if batched:
        lines += [
            "    strips = tl.cdiv(rows, BLOCK)",
            "    batch = tl.cast(pid // tiles // strips, tl.int64)",
            "    x_ptr += batch * stride_batch",
            "    packed_ptr += batch * rows * stride_packed",
        ]
    strip = "pid // tiles % strips" if batched else "pid // tiles"
    lines += return_lines(strip, "pid % tiles") if given.reach else []
    value = "x.to(packed_ptr.dtype.element_ty)" if given.casts else "x"
    lines += [
        "    # 64-bit offsets: a tensor may hold more than 2**31 elements.",
        f"    offs_row = tl.cast({strip}, tl.int64) * BLOCK + tl.arange(0, BLOCK)",
        "    offs_column = tl.cast(pid % tiles, tl.int64) * BLOCK + tl.arange(0, BLOCK)",
        "    mask_row = (offs_row < rows)[:, None]",
        *(mask_lines() if given.reach else []),
        "    x = tl.load(",
        "        x_ptr + offs_row[:, None] * stride_row + offs_column[None, :] * stride_column,",
        f"        mask=mask_row & (offs_column < columns)[None, :]{' & in_band' if given.reach else ''},",
        "        other=0,",
        "    )",
        "    packed_ptrs = packed_ptr + offs_row[:, None] * stride_packed + offs_column[None, :]",
        f"    tl.store(packed_ptrs, {value}, mask=mask_row & (offs_column < stride_packed)[None, :])",
    ]
    return "\n".join(lines) + "\n"


def function_text(given: Preparation) -> str:
    """The function that brings a tensor into its layout."""
    band = ", band" if given.reach else ""
    dtype, lies, itemsize, held = "", "lies so", "x.element_size()", "x.dtype"
    if given.casts:
        dtype, lies, itemsize, held = ", dtype", "is and lies so", "dtype.itemsize", "dtype"
    if given.descriptors:
        header = f"def {given.function}(x, shape, strides, block{dtype}{band}):"
        what = f"A descriptor of x, its last axis contiguous: of x itself where it {lies}, else of a copy."
        multiple, sizes, empty = "per_16_bytes", "sizes", " or 0 in shape"
        first = [
            "    sizes = [max(size, 1) for size in shape]  # nothing at all has no descriptor",
            f"    per_16_bytes = 16 // {itemsize}",
        ]
        result = "TensorDescriptor(x, sizes, strides, block)"
    else:
        header = f"def {given.function}(x, shape, strides{dtype}{band}):"
        what = f"x with its last axis contiguous, and its strides: itself where it {lies}, else a copy."
        multiple, sizes, empty, first, result = str(ROW_MULTIPLE), "shape", "", [], "x, strides"
    programs = f"triton.cdiv(rows, {PACK_BLOCK}) * triton.cdiv(columns, {PACK_BLOCK})"
    if given.is_batched:
        unpack, steps = "*batch, rows, columns", "strides[0] if batch else 0, strides[-2], strides[-1]"
        whole_rows = f"all(stride >= columns and stride % {multiple} == 0 for stride in strides[:-1])"
        programs += " * (batch[0] if batch else 1)"
    else:
        unpack, steps = "rows, columns", "strides[0], strides[1]"
        whole_rows = f"strides[0] >= columns and strides[0] % {multiple} == 0"
    always = f"{'x.dtype != dtype or ' if dtype else ''}{'band or ' if band else ''}"
    about = ["", "    A triangle always is copied: only the diagonals in band, column less row, are not zeros then."]
    lines = [
        header,
        *([f'    """{what}', *about, '    """'] if band else [f'    """{what}"""']),
        f"    {unpack} = shape",
        *first,
        f"    whole_rows = {whole_rows}",
        f"    if {always}strides[-1] != 1 or not whole_rows or x.data_ptr() % 16 != 0{empty}:",
        *([f"        {LOW}, {HIGH} = band or (-rows, columns)"] if band else []),
        f"        stride = triton.cdiv({sizes}[-1], {ROW_MULTIPLE}) * {ROW_MULTIPLE}",
        f"        packed = torch.empty((*{sizes}[:-1], stride), device=x.device, dtype={held})",
        f"        programs = {programs}",
        f"        {given.pack}[(programs,)](",
        f"            x, packed, rows, columns,{f' {LOW}, {HIGH},' if band else ''}",
        f"            {steps}, stride, BLOCK={PACK_BLOCK},{f' REACH={given.reach},' if band else ''} num_warps=4,",
        "        )",
        "        x, strides = packed, packed.stride()",
        f"    return {result}",
    ]
    return "\n".join(lines) + "\n"


def prepare_lines(
    given: Preparation, algorithm: Contraction, blocks: Mapping[str, str], arguments: Mapping[str, str], taken: set[str]
) -> tuple[list[str], dict[str, str]]:
    """The calls before the launch, and the text that the launch passes for each new parameter.

    Args:
        given: What is prepared.
        algorithm: Its extents are the tensors' shapes.
        blocks: Text of the tile's size along m, n and k, for descriptors.
        arguments: The launch's text for each kernel parameter.
        taken: Names in use in the wrapper.
    """
    lines: list[str] = []
    values: dict[str, str] = {}
    called: dict[str, str] = {}
    if given.narrowing is not None:
        called = {word: fresh(word, taken) for word in ("scale", "flags", "flags_a")}
        values |= {given.narrowing.scale: called["scale"], given.narrowing.flags: called["flags"]}
        placed = [one.placed for one in given.operands]
        form = {"batched": given.is_batched, "banded": given.reach > 0}
        lines += scale_lines(given.narrowing, placed, algorithm, arguments, called, **form)
    for place, one in enumerate(given.operands):
        axes, operand = one.placed.axes, one.placed.operand
        shape = [substitute(algorithm.extents[axis], arguments) for axis in axes]
        strides = [substitute(operand.strides[axis], arguments) for axis in axes]
        passed = [arguments[operand.parameter], f"[{', '.join(shape)}]", f"[{', '.join(strides)}]"]
        dtype = [_dtype_text(one.placed, passed[0])] if given.casts else []
        band = dtype + ([band_text(one.placed, algorithm, arguments)] if given.reach else [])
        if given.descriptors:
            local = fresh(one.pointer, taken)
            sides = [blocks[axis] for axis in axes[-2:]]
            passed.append(f"[{', '.join(['1'] * len(one.placed.batch) + sides)}]")
            passed += band + (_flagged(one.placed, place, called) if called else [])
            values[one.pointer] = local
            lines += _call_lines(local, given.function, passed)
            continue
        passed += band + (_flagged(one.placed, place, called) if called else [])
        local, steps = fresh(one.placed.side, taken), fresh(f"{one.placed.side}_strides", taken)
        values[one.pointer] = local
        values |= {name: f"{steps}[{place}]" for place, name in enumerate(one.strides)}
        lines += _call_lines(f"{local}, {steps}", given.function, passed)
    return lines, values


def _dtype_text(one: Placed, tensor: str) -> str:
    return TORCH_DTYPES[one.dtype] if one.is_cast else f"{tensor}.dtype"


def _flagged(one: Placed, place: int, called: Mapping[str, str]) -> list[str]:
    """What narrowing an operand is passed besides."""
    first = called["flags_a"] if place else "0"
    return [called["scale"], str(place), called["flags"], first, str(one.own == one.rows)]


def _call_lines(target: str, function: str, passed: Sequence[str]) -> list[str]:
    line = f"{target} = {function}({', '.join(passed)})"
    if len(line) <= LINE_LENGTH - 4:
        return [line]
    return [f"{target} = {function}(", *[f"    {part}," for part in filled(passed)], ")"]
