"""Write what goes with narrowed operands: kernels for scales and copies, a function that narrows, their calls."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tilewright.families.contraction.emit_bands import HIGH, LOW, bounds, mask_lines, return_lines
from tilewright.families.contraction.emit_signature import Parameter, filled
from tilewright.families.contraction.emit_text import LINE_LENGTH, Names, factor, fresh, substitute
from tilewright.families.contraction.layouts import ROW_MULTIPLE, Placed
from tilewright.families.rewrite import unique_names
from tilewright.records.algorithm import Contraction

PACK_BLOCK = 64
"""Rows and columns of the tile that one program of the narrowing kernel copies."""
SAMPLE = 4096
"""Elements of an operand that its scale is chosen by."""
LARGEST_EXPONENT = 14
"""Where the largest of the sample goes: what is twice to four times as large still is a float16, and 27 powers of two
below it are normal ones."""
MOST_EXPONENT = 60
"""Scales lie between 2**-60 and 2**60: then neither they, nor the factor that undoes both, nor a sum on its way back
leave float32's range unless the result itself does."""
UNDO, NUMBERS = 2, 3
"""Place of the factor that undoes both scales in the workspace, where these come first; how many numbers it holds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Narrowing:
    """What the pieces of a file that narrows are called."""

    scale: str
    """Parameter of the main kernel for the workspace."""
    flags: str
    """Parameter of the kernel that computes again for the flags: one for PACK_BLOCK rows of A, then those of B."""
    power: str
    scales: str
    narrow: str
    function: str
    wide: str


def narrowing(text: str, kernel: str, parameters: Sequence[Parameter]) -> Narrowing:
    """Names that ``text`` does not hold."""
    endings = ("power", "scales", "narrow", "operand", "wide")
    power, scales, narrow, function, wide = unique_names(text, [f"{kernel}_{ending}" for ending in endings]).values()
    names = Names(parameter.name for parameter in parameters)
    scale, flags = names("scale_ptr"), names("flags_ptr")
    return Narrowing(scale=scale, flags=flags, power=power, scales=scales, narrow=narrow, function=function, wide=wide)


def scale_texts(given: Narrowing, *, batched: bool, banded: bool = False) -> tuple[str, str]:
    """The function that chooses a power of two, and the kernel that calls it for both operands."""
    steps = f"{'stride_batch, ' if batched else ''}stride_row, stride_column"
    edges = f"{LOW}, {HIGH}, " if banded else ""
    passed = f"x_ptr, {'batch, ' if batched else ''}rows, columns, {edges}{steps}, SAMPLE: tl.constexpr"
    power = [
        "@triton.jit",
        *_definition(given.power, passed),
        f'    """Exponent of the power of two that brings the largest of a sample of x to 2**{LARGEST_EXPONENT}."""',
        f"    size = tl.cast(rows, tl.int64) * columns{' * batch' if batched else ''}",
        "    at = tl.arange(0, SAMPLE).to(tl.int64) * (size // SAMPLE + 1) % tl.maximum(size, 1)",
        "    width = tl.maximum(columns, 1)",
        f"    row = at // width{' % tl.maximum(rows, 1)' if batched else ''}",
        "    x_ptrs = x_ptr + row * stride_row + at % width * stride_column",
    ]
    power += ["    x_ptrs += at // width // tl.maximum(rows, 1) * stride_batch"] if batched else []
    inside = "in_band" if banded else "at < size"
    power += (
        [
            f"    diagonal = at % width - {'row' if batched else 'at // width'}",
            f"    in_band = (at < size) & (diagonal >= {LOW}) & (diagonal <= {HIGH})",
        ]
        if banded
        else []
    )
    power += [
        f"    x = tl.abs(tl.load(x_ptrs, mask={inside}, other=0).to(tl.float32))",
        '    largest = tl.max(tl.where(x < float("inf"), x, 0.0))  # infinity and NaN say nothing of the others',
        "    exponent = (largest.to(tl.int32, bitcast=True) >> 23) - 127",
        f"    return tl.minimum(tl.maximum({LARGEST_EXPONENT} - exponent, -{MOST_EXPONENT}), {MOST_EXPONENT})",
    ]
    words = ("batch", "rows", "columns", *((LOW, HIGH) if banded else ()))
    shown = {side: [f"{name}_{side}" for name in words][not batched :] for side in "ab"}
    strides = {side: [f"stride_{side}_{name}" for name in ("batch", "row", "column")][not batched :] for side in "ab"}
    kernel = ["@triton.jit", f"def {given.scales}(", "    a_ptr, b_ptr, scale_ptr, flags_ptr, flags,"]
    kernel += [f"    {', '.join([*shown[side], *strides[side]])}," for side in "ab"]
    kernel += [
        "    SAMPLE: tl.constexpr,",
        "):",
        '    """scale: of a, of b, and the factor that undoes both. All flags are down."""',
    ]
    for side in "ab":
        passed = ", ".join([f"{side}_ptr", *shown[side], *strides[side], "SAMPLE"])
        line = f"    {side} = {given.power}({passed})"
        fits = len(line) <= LINE_LENGTH
        kernel += [line] if fits else [f"    {side} = {given.power}(", f"        {passed},", "    )"]
    kernel += ["    # a float32 that is 2**n has n + 127 in bits 23 to 30, and no other"]
    for place, exponent in enumerate(("a", "b", "-a - b")):
        kernel.append(
            f"    tl.store(scale_ptr{f' + {place}' if place else ''},"
            f" (({exponent} + 127) << 23).to(tl.float32, bitcast=True))"
        )
    kernel += [
        "    for first in range(0, flags, SAMPLE):",
        "        at = first + tl.arange(0, SAMPLE)",
        "        tl.store(flags_ptr + at, tl.zeros((SAMPLE,), tl.float32), mask=at < flags)",
    ]
    return "\n".join(power) + "\n", "\n".join(kernel) + "\n"


def _definition(name: str, parameters: str) -> list[str]:
    line = f"def {name}({parameters}):"
    return [line] if len(line) <= LINE_LENGTH else [f"def {name}(", f"    {parameters},", "):"]


def narrow_text(given: Narrowing, *, batched: bool, banded: bool = False) -> str:
    """The kernel that copies a tensor to float16 and looks at every element; of a triangle, at those in its band."""
    lines = [
        "@triton.jit",
        f"def {given.narrow}(",
        "    x_ptr, narrow_ptr, scale_ptr, which, flags_ptr, first,",
        f"    rows, columns,{f' {LOW}, {HIGH},' if banded else ''}",
        f"    {'stride_batch, ' if batched else ''}stride_row, stride_column, stride_narrow,",
        f"    BLOCK: tl.constexpr, BY_ROW: tl.constexpr,{' REACH: tl.constexpr,' if banded else ''}",
        "):",
        '    """narrow[row, column] = x[row, column] * scale as float16, columns contiguous.',
        "",
        "    The flag of BLOCK rows, or columns, goes up where that is less exact than TF32.",
        '    """',
        "    pid = tl.program_id(0)",
        "    tiles = tl.cdiv(columns, BLOCK)",
    ]
    if batched:
        lines += [
            "    strips = tl.cdiv(rows, BLOCK)",
            "    batch = tl.cast(pid // tiles // strips, tl.int64)",
            "    x_ptr += batch * stride_batch",
            "    narrow_ptr += batch * rows * stride_narrow",
        ]
    place = "first + (row if BY_ROW else column)"
    place += " + batch * (strips if BY_ROW else tiles)" if batched else ""
    lines += [
        f"    row = pid // tiles{' % strips' if batched else ''}",
        "    column = pid % tiles",
        *(return_lines("row", "column") if banded else []),
        "    # 64-bit offsets: a tensor may hold more than 2**31 elements.",
        "    offs_row = tl.cast(row, tl.int64) * BLOCK + tl.arange(0, BLOCK)",
        "    offs_column = tl.cast(column, tl.int64) * BLOCK + tl.arange(0, BLOCK)",
        "    mask_row = (offs_row < rows)[:, None]",
        *(mask_lines() if banded else []),
        "    x = tl.load(",
        "        x_ptr + offs_row[:, None] * stride_row + offs_column[None, :] * stride_column,",
        f"        mask=mask_row & (offs_column < columns)[None, :]{' & in_band' if banded else ''},",
        "        other=0,",
        "    ).to(tl.float32)",
        "    scaled = x * tl.load(scale_ptr + which)",
        "    size = tl.abs(scaled)",
        "    # A normal float16 has the 10 bits of TF32, rounded and not cut; zero stays zero; NaN is neither.",
        "    exact = (x == 0.0) | ((size >= 6.103515625e-05) & (size <= 65504.0))",
        "    if tl.min(exact.to(tl.int32)) == 0:",
        f"        tl.store(flags_ptr + {place}, 1.0)",
        "    narrow_ptrs = narrow_ptr + offs_row[:, None] * stride_narrow + offs_column[None, :]",
        "    tl.store(narrow_ptrs, scaled.to(tl.float16), mask=mask_row & (offs_column < stride_narrow)[None, :])",
    ]
    return "\n".join(lines) + "\n"


def narrow_function_text(given: Narrowing, *, descriptors: bool, batched: bool, reach: int = 0) -> str:
    """The function that narrows a tensor, to a descriptor or to a pointer and strides.

    ``reach`` is how far from a triangle the main kernel reads; 0 where no operand is one.
    """
    band, constant = (", band", f" REACH={reach},") if reach else ("", "")
    if descriptors:
        header = f"def {given.function}(x, shape, strides, block{band}, scale, which, flags, first, by_row):"
        what = "A descriptor of x as scaled float16, its last axis contiguous."
        first = ["    sizes = [max(size, 1) for size in shape]  # nothing at all has no descriptor"]
        sizes, result = "sizes", "TensorDescriptor(narrow, sizes, narrow.stride(), block)"
    else:
        header = f"def {given.function}(x, shape, strides{band}, scale, which, flags, first, by_row):"
        what = "x as scaled float16, its last axis contiguous, and its strides."
        first, sizes, result = [], "shape", "narrow, narrow.stride()"
    programs = f"triton.cdiv(rows, {PACK_BLOCK}) * triton.cdiv(columns, {PACK_BLOCK})"
    unpack, steps = "rows, columns", "strides[0], strides[1]"
    if batched:
        unpack, steps = "*batch, rows, columns", "strides[0] if batch else 0, strides[-2], strides[-1]"
        programs += " * (batch[0] if batch else 1)"
    lines = [
        header,
        f'    """{what}"""',
        f"    {unpack} = shape",
        *first,
        f"    stride = triton.cdiv({sizes}[-1], {ROW_MULTIPLE}) * {ROW_MULTIPLE}",
        f"    narrow = torch.empty((*{sizes}[:-1], stride), device=x.device, dtype=torch.float16)",
        *([f"    {LOW}, {HIGH} = band or (-rows, columns)  # diagonals, column less row"] if reach else []),
        f"    programs = {programs}",
        f"    {given.narrow}[(programs,)](",
        f"        x, narrow, scale, which, flags, first, rows, columns,{f' {LOW}, {HIGH},' if reach else ''}",
        f"        {steps}, stride, BLOCK={PACK_BLOCK}, BY_ROW=by_row,{constant} num_warps=4,",
        "    )",
        f"    return {result}",
    ]
    return "\n".join(lines) + "\n"


def scale_lines(
    given: Narrowing,
    placed: Sequence[Placed],
    algorithm: Contraction,
    arguments: Mapping[str, str],
    local: Mapping[str, str],
    *,
    batched: bool,
    banded: bool = False,
) -> list[str]:
    """The workspaces, and the launch that chooses the scales; ``local`` has the wrapper's names."""
    tensors = [arguments[one.operand.parameter] for one in placed]
    scale, flags, first = local["scale"], local["flags"], local["flags_a"]
    counts = [flag_count(algorithm, one, arguments) for one in placed]
    passed = [*tensors, scale, flags, f"{flags}.numel()"]
    for one in placed:
        none = batched and not one.batch
        sizes = [substitute(algorithm.extents[axis], arguments) for axis in one.axes]
        strides = [substitute(one.operand.strides[axis], arguments) for axis in one.axes]
        edges = bounds(one, algorithm, arguments) if banded else ()
        passed += [*(["1"] if none else []), *sizes, *edges, *(["0"] if none else []), *strides]
    return [
        "# The scales of A and B and the factor that undoes both; flags, one for each strip of A and of B, that go up",
        "# where float16 is not exact enough.",
        f"{scale} = torch.empty({NUMBERS}, device={tensors[0]}.device, dtype=torch.float32)",
        f"{first} = {counts[0]}",
        f"{flags} = torch.empty({first} + {counts[1]}, device={tensors[0]}.device, dtype=torch.float32)",
        f"{given.scales}[(1,)](",
        *[f"    {part}," for part in filled([*passed, f"SAMPLE={SAMPLE}", "num_warps=8"], LINE_LENGTH - 8)],
        ")",
    ]


def flag_count(algorithm: Contraction, one: Placed, arguments: Mapping[str, str]) -> str:
    """How many flags an operand has, as the wrapper computes it."""
    own = f"triton.cdiv({substitute(algorithm.extents[one.own], arguments)}, {PACK_BLOCK})"
    return " * ".join([own, *(factor(substitute(algorithm.extents[axis], arguments)) for axis in one.batch)])


def bound(arguments: Mapping[str, str], tensors: Sequence[str], taken: set[str]) -> tuple[list[str], dict[str, str]]:
    """Bind the tensors that a launch makes where it passes them, since more than one launch takes them now.

    Args:
        arguments: The launch's text for each kernel parameter.
        tensors: The parameters in question.
        taken: Names in use in the wrapper; takes up the new ones.
    """
    lines, values = [], dict(arguments)
    for parameter in tensors:
        if not all(part.isidentifier() for part in arguments[parameter].split(".")):
            values[parameter] = fresh(parameter.removesuffix("_ptr"), taken)
            taken.add(values[parameter])
            lines.append(f"{values[parameter]} = {arguments[parameter]}")
    return lines, values
