"""From the real shapes of a call to small ones that the interpreter can run."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from tilewright.records.problem import Problem
from tilewright.records.source import TensorSpec

AS_STATED = "as stated"
"""Label of a call at the very sizes that the user stated."""
WHOLE_ROWS = "ragged, rows of whole 16 bytes"
"""Label of what stands in for the ragged problems where the original takes none of them: wrappers that make tensor
descriptors of their inputs take no other rows."""
InitArguments = tuple[int | float | bool | str | tuple[int, ...] | None, ...]

_KEPT_UP_TO = 16
"""Sizes up to this one (channels, heads, taps) stay: kernels are written around them."""
_LARGEST_TENSOR = 70_000
_MOST_ROWS = 300
"""Product of all dimensions but the last: what a kernel with one program a row may launch."""
_BATCH = 2
"""A leading dimension of three or more is a batch, and shows what it has to show with two."""
_BEYOND = 2**31
_BYTES = {"f16": 2, "bf16": 2, "f32": 4, "f64": 8, "i8": 1, "u8": 1, "bool": 1, "i16": 2, "i32": 4, "i64": 8}
_LARGEST_WORK = 4_000_000
"""Product of all distinct sizes: what the loops of a kernel may amount to, for under two seconds a run."""

_EVEN = ((128, 64, 192, 96, 32, 48), (64, 32, 96, 48, 16, 24), (32, 16, 48, 24, 64, 8), (16, 8, 32, 24, 4, 12))
_RAGGED = ((100, 52, 36, 28, 44, 20), (37, 23, 19, 13, 29, 11), (19, 13, 11, 7, 17, 5), (7, 5, 3, 11, 13, 6))
_SMALL = ((19, 13, 11, 7, 17, 5), (7, 5, 3, 11, 13, 6))
_WHOLE_ROWS = ((144, 80, 48, 112, 176, 208), (80, 48, 112, 16, 144, 176), (48, 80, 16, 112, 144, 176), (48, 16, 80))
_LARGE = ((257, 129, 65, 33, 17, 9), (129, 65, 33, 17, 9, 5), (65, 33, 17, 9, 5, 3))


def small_problems(inputs: tuple[TensorSpec, ...], init_arguments: InitArguments = ()) -> tuple[Problem, ...]:
    """Derive problems that cross block boundaries yet run fast.

    Dimensions with equal values are taken to be one size, also where the value stands among the init arguments or as a
    Python number among forward's arguments; sizes up to 16 are kept, except a batch, which becomes 2. A problem that
    the original does not accept is for the prover to drop.

    Args:
        inputs: forward's arguments at their real size.
        init_arguments: what the model is made with.

    Returns:
        Problems labelled ``ragged``, ``ragged, powers of two kept``, ``even``, ``ragged large``, ``ragged small`` (for
        kernels that are slow in the interpreter), ``size 1``, ``transposed storage``, ``sliced storage``, WHOLE_ROWS,
        ``misaligned`` (beginning one element into its storage), ``expanded`` (the leading dimension repeats one place
        in memory) and ``scaled`` (every size divided by one power of two, so that ratios hold), without repetitions.
    """
    values = _sizes(inputs, init_arguments)
    result: list[Problem] = []

    def add(label: str, sizes: Mapping[int, int]) -> Problem:
        problem = Problem(
            inputs=tuple(_resized(spec, sizes) for spec in inputs),
            init_arguments=tuple(_mapped(value, sizes) for value in init_arguments),
            label=label,
        )
        if all((old.inputs, old.init_arguments) != (problem.inputs, problem.init_arguments) for old in result):
            result.append(problem)
        return problem

    batches = dict.fromkeys(_batch_sizes(inputs), _BATCH)
    values = tuple(value for value in values if value not in batches)
    powers = {v: v for v in values if v <= 128 and v & (v - 1) == 0}
    ragged = add("ragged", _fitting(inputs, values, _RAGGED, batches, lower=1))
    for label, lists, fixed, lower in (
        ("ragged, powers of two kept", _RAGGED, {**batches, **powers}, 1),
        ("even", _EVEN, batches, 0),
        ("ragged large", _LARGE, batches, 1),
        (WHOLE_ROWS, _WHOLE_ROWS, batches, 16),
    ):
        sizes = _fitting(inputs, values, lists, fixed, lower=lower)
        if _is_small(inputs, sizes):
            add(label, sizes)
    least = add("ragged small", _fitting(inputs, values, _SMALL, batches, lower=1))
    add("size 1", dict.fromkeys((*values, *batches), 1))
    if values:
        add("scaled", _scaled(inputs, values, batches))
    for label, layout in (("transposed storage", _transposed), ("sliced storage", _sliced)):
        changed = tuple(replace(spec, strides=layout(spec)) for spec in ragged.inputs)
        if changed != ragged.inputs:
            result.append(replace(ragged, inputs=changed, label=label))
    # what these two show does not depend on the size
    misaligned = tuple(
        spec if spec.dtype == "python" or not spec.shape else replace(spec, offset=1) for spec in least.inputs
    )
    expanded = tuple(replace(spec, strides=_expanded(spec)) for spec in least.inputs)
    for label, changed in (("misaligned", misaligned), ("expanded", expanded)):
        if changed != least.inputs:
            result.append(replace(least, inputs=changed, label=label))
    return tuple(result)


def real_problems(
    inputs: tuple[TensorSpec, ...], init_arguments: InitArguments = (), *, bytes_available: int | None = None
) -> tuple[Problem, ...]:
    """Problems of the size that the call really has, for a GPU.

    Args:
        inputs: forward's arguments at their real size.
        init_arguments: what the model is made with.
        bytes_available: device memory for inputs, outputs and what is compared with; without it nothing is grown.

    Returns:
        ``as stated``; ``as stated, ragged``, where sizes become odd, distinct ones by distinct small numbers; and
        ``beyond 2^31``, where one dimension is grown until a tensor has more elements than a 32-bit index can name,
        if that fits.
        As with :func:`small_problems`, what the original does not accept is for the prover to drop.
    """

    def resized(label: str, sizes: Mapping[int, int]) -> Problem:
        return Problem(
            inputs=tuple(_resized(spec, sizes) for spec in inputs),
            init_arguments=tuple(_mapped(value, sizes) for value in init_arguments),
            label=label,
        )

    result = [Problem(inputs=inputs, init_arguments=init_arguments, label=AS_STATED)]
    sizes = {
        value: value - (2 * number + (1 if value % 2 == 0 else 2)) for number, value in enumerate(_sizes(inputs, ()))
    }
    ragged = resized("as stated, ragged", {old: new for old, new in sizes.items() if new > _KEPT_UP_TO // 2})
    if ragged.inputs != inputs:
        result.append(ragged)
    if bytes_available is not None:
        grown = [resized("beyond 2^31", {value: size}) for value, size in _grown(inputs).items()]
        fitting = [problem for problem in grown if _bytes_needed(problem) <= bytes_available]
        if fitting:
            result.append(min(fitting, key=_bytes_needed))
    return tuple(result)


def _grown(inputs: Sequence[TensorSpec]) -> dict[int, int]:
    """For each size that may grow, the least odd one with which some tensor has more than 2**31 elements."""
    result: dict[int, int] = {}
    for value in _sizes(inputs, ()) or tuple({spec.shape[0] for spec in inputs if spec.shape}):
        needed = []
        for spec in inputs:
            times = spec.shape.count(value)
            if spec.dtype != "python" and times:
                rest = math.prod(size for size in spec.shape if size != value)
                needed.append(math.ceil((_BEYOND / max(rest, 1)) ** (1 / times)) + 1)
        if needed:
            result[value] = max(value, min(needed) | 1)
    return result


def _bytes_needed(problem: Problem) -> int:
    """Inputs, and for output, its double in float64 and the original's output four times the largest of them."""
    each = [math.prod(spec.shape) * _BYTES.get(spec.dtype, 8) for spec in problem.inputs if spec.dtype != "python"]
    return sum(each) + 4 * max(each, default=0)


def _sizes(inputs: Sequence[TensorSpec], init_arguments: InitArguments) -> tuple[int, ...]:
    """Distinct sizes that may change, in order of appearance: the tensors' first, then those of init alone."""
    seen: dict[int, None] = {}
    for spec in inputs:
        for size in spec.shape:
            if size > _KEPT_UP_TO:
                seen[size] = None
    for argument in init_arguments:
        for value in argument if isinstance(argument, tuple) else (argument,):
            if isinstance(value, int) and not isinstance(value, bool) and value > _KEPT_UP_TO:
                seen[value] = None
    return tuple(seen)


def _fitting(
    inputs: Sequence[TensorSpec],
    values: Sequence[int],
    lists: Sequence[Sequence[int]],
    fixed: Mapping[int, int],
    *,
    lower: int,
) -> dict[int, int]:
    """Sizes of the first list whose tensors stay small; a size never grows beyond ``value - lower``."""
    sizes: dict[int, int] = {}
    for choice in lists:
        wanted = [choice[i] if i < len(choice) else choice[-1] for i in range(len(values))]
        sizes = {v: min(size, max(1, v - lower)) for v, size in zip(values, wanted, strict=True)}
        sizes.update(fixed)
        if _is_small(inputs, sizes):
            break
    return sizes


def _batch_sizes(inputs: Sequence[TensorSpec]) -> set[int]:
    """Leading sizes of tensors of three or more dimensions that are no other dimension's size."""
    leading = {spec.shape[0] for spec in inputs if len(spec.shape) > 2 and spec.shape[0] > _BATCH}
    return leading - {size for spec in inputs for axis, size in enumerate(spec.shape) if axis or len(spec.shape) < 3}


def _scaled(inputs: Sequence[TensorSpec], values: Sequence[int], fixed: Mapping[int, int]) -> dict[int, int]:
    divisor = 1
    while True:
        sizes = {**{value: max(1, -(-value // divisor)) for value in values}, **fixed}
        if (max(sizes[value] for value in values) <= 128 and _is_small(inputs, sizes)) or divisor > max(values):
            return sizes
        divisor *= 2


def _is_small(inputs: Sequence[TensorSpec], sizes: Mapping[int, int]) -> bool:
    largest = max((math.prod(sizes.get(d, d) for d in spec.shape) for spec in inputs), default=1)
    rows = max((math.prod(sizes.get(d, d) for d in spec.shape[:-1]) for spec in inputs), default=1)
    return largest <= _LARGEST_TENSOR and rows <= _MOST_ROWS and math.prod(sizes.values()) <= _LARGEST_WORK


def _mapped(
    value: int | float | bool | str | tuple[int, ...] | None, sizes: Mapping[int, int]
) -> int | float | bool | str | tuple[int, ...] | None:
    if isinstance(value, tuple):
        return tuple(sizes.get(item, item) for item in value)
    if isinstance(value, int) and not isinstance(value, bool):
        return sizes.get(value, value)
    return value


def _resized(spec: TensorSpec, sizes: Mapping[int, int]) -> TensorSpec:
    if spec.dtype == "python":
        name, _, value = spec.name.partition("=")
        number = sizes.get(int(value)) if value.strip().lstrip("-").isdigit() else None
        return spec if number is None else replace(spec, name=f"{name}={number}")
    shape = tuple(sizes.get(size, size) for size in spec.shape)
    return replace(spec, shape=shape, strides=_same_order(spec, shape))


def _same_order(spec: TensorSpec, shape: tuple[int, ...]) -> tuple[int, ...] | None:
    """Dense strides for ``shape`` whose dimensions lie in memory in the order that ``spec``'s do."""
    if spec.strides is None:
        return None
    strides = [0] * len(shape)
    running = 1
    for axis in sorted(range(len(shape)), key=lambda axis: (spec.strides or ())[axis]):
        strides[axis] = running if (spec.strides or ())[axis] else 0
        running *= shape[axis]
    return tuple(strides)


def strides_of(spec: TensorSpec) -> tuple[int, ...]:
    """A tensor's strides in elements, those of a contiguous one where none are stated."""
    return tuple(_contiguous(spec.shape)) if spec.strides is None else spec.strides


def _contiguous(shape: Sequence[int]) -> list[int]:
    strides = [1] * len(shape)
    for axis in range(len(shape) - 2, -1, -1):
        strides[axis] = strides[axis + 1] * max(1, shape[axis + 1])
    return strides


def _transposed(spec: TensorSpec) -> tuple[int, ...] | None:
    """The last two dimensions the other way round in memory."""
    if spec.dtype == "python" or len(spec.shape) < 2:
        return spec.strides
    *leading, rows, columns = spec.shape
    strides = _contiguous([*leading, columns, rows])
    return (*strides[:-2], strides[-1], strides[-2])


def _sliced(spec: TensorSpec) -> tuple[int, ...] | None:
    """Every second element of a tensor twice as wide."""
    if spec.dtype == "python" or not spec.shape:
        return spec.strides
    strides = _contiguous([*spec.shape[:-1], 2 * spec.shape[-1]])
    return (*strides[:-1], 2)


def _expanded(spec: TensorSpec) -> tuple[int, ...] | None:
    """All rows in one place."""
    if spec.dtype == "python" or len(spec.shape) < 2 or spec.shape[0] < 2:
        return spec.strides
    return (0, *_contiguous(spec.shape)[1:])
