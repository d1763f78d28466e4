"""An Algorithm in a line or two: its equation, its extents, and how its operands lie in memory."""

from __future__ import annotations

from collections.abc import Mapping

from tilewright.families.contraction.emit_expression import inner_expressions
from tilewright.families.contraction.reductions import stored_places
from tilewright.families.contraction.sizes import sizes_of, values_of
from tilewright.families.contraction.triangles import orders_text
from tilewright.families.index_expression import evaluate
from tilewright.records.algorithm import (
    Accumulated,
    Algorithm,
    Apply,
    Constant,
    Expression,
    Loaded,
    Opaque,
    Operand,
    Parameter,
    Reduce,
)
from tilewright.records.launch import Launch

LONGEST_EPILOGUE = 60
"""Characters up to which an epilogue is written out."""
_SIGNS = {"add": "+", "sub": "-", "mul": "*", "div": "/"}


def equation(algorithm: Algorithm) -> str:
    """The Algorithm in one line, or why it is kept as it is."""
    if isinstance(algorithm, Opaque):
        return "not lifted: " + ("; ".join(algorithm.reasons) or "no family takes it")
    index = "".join(f"{axis}, " for axis in algorithm.batch_axes)
    total = f"sum over k of {_at(algorithm.a, index, 'm', 'k')} * {_at(algorithm.b, index, 'k', 'n')}"
    kept = orders_text((*algorithm.a.orders, *algorithm.b.orders))
    total += f" where {kept}" if kept else ""
    said = []
    for output in algorithm.outputs:
        kept = orders_text(output.orders)
        beyond = f" ({'0' if output.zero_outside else 'unchanged'} unless {kept})" if kept else ""
        target = f"{name_of(output.operand)}[{index}{', '.join(stored_places(output))}]{beyond}"
        if _is_plain(output.value):
            said.append(f"{target} = {total}")
            continue
        written = expression(output.value)
        written = written[1:-1] if written.startswith("(") else written
        if len(written) > LONGEST_EPILOGUE:
            read = sorted(_loaded(output.value))
            written = f"epilogue of acc{''.join(f', {name}' for name in read)} ({_operations(output.value)} operations)"
        said.append(f"{target} = {written}, acc = {total}")
    return "; ".join(said)


def sizes(algorithm: Algorithm, launch: Launch) -> str:
    """``m = 2,048, n = 4,096, k = 8,192``; empty for a kernel that was not lifted."""
    if isinstance(algorithm, Opaque):
        return ""
    known = lengths(algorithm, launch)
    return ", ".join(
        f"{axis} = {known[axis]:,}" if axis in known else f"{axis} = {extent}"
        for axis, extent in algorithm.extents.items()
    )


def lengths(algorithm: Algorithm, launch: Launch) -> Mapping[str, int]:
    """Each axis with its length in this launch; empty where the launch does not say, or nothing was lifted."""
    if isinstance(algorithm, Opaque):
        return {}
    try:
        return sizes_of(algorithm, launch)
    except ValueError:
        return {}


def operands(algorithm: Algorithm, launch: Launch) -> tuple[str, ...]:
    """Each operand with its dtype, its layout and its strides in elements."""
    if isinstance(algorithm, Opaque):
        return ()
    values = values_of(launch)
    read = {loaded.parameter: loaded for out in algorithm.outputs for loaded in _operands(out.value)}
    written = {output.operand.parameter: output.operand for output in algorithm.outputs}
    every = {algorithm.a.parameter: algorithm.a, algorithm.b.parameter: algorithm.b, **read, **written}
    return tuple(f"{name_of(operand)} {_layout(operand, values)}" for operand in every.values())


def arithmetic(algorithm: Algorithm) -> str:
    """The dtypes that products and sums are formed in."""
    if isinstance(algorithm, Opaque):
        return ""
    casts = {operand.casts[-1] if operand.casts else operand.dtype for operand in (algorithm.a, algorithm.b)}
    factors = algorithm.input_precision if casts == {"fp32"} else " and ".join(sorted(casts))
    return f"products in {factors}, sums in {algorithm.accumulator_dtype}"


def name_of(operand: Operand) -> str:
    """The parameter without the words that only say that it is a pointer or a descriptor."""
    return operand.parameter.removesuffix("_ptr").removesuffix("_desc")


def expression(value: Expression) -> str:
    """An epilogue as Python would write it, with ``acc`` for the finished sum."""
    match value:
        case Accumulated():
            return "acc"
        case Loaded(operand=operand):
            return f"{name_of(operand)}[{', '.join(operand.strides)}]"
        case Parameter(name=name):
            return name
        case Constant(value=number):
            return f"{number:g}" if isinstance(number, float) else str(number)
        case Reduce(operation=operation, axis=axis, value=inner):
            return f"{operation}_{axis}({expression(inner)})"
        case Apply(operation="cast", arguments=(inner,), dtype=dtype):
            return f"{dtype}({expression(inner)})"
        case Apply(operation=operation, arguments=(left, right)) if operation in _SIGNS:
            return f"({expression(left)} {_SIGNS[operation]} {expression(right)})"
        case Apply(operation=operation, arguments=arguments):
            return f"{operation}({', '.join(expression(one) for one in arguments)})"


def _at(operand: Operand, index: str, *axes: str) -> str:
    return f"{name_of(operand)}[{index}{', '.join(axes)}]"


def _layout(operand: Operand, values: Mapping[str, int]) -> str:
    found = {axis: _stride(stride, values) for axis, stride in operand.strides.items()}
    unit = [axis for axis, stride in found.items() if stride == "1"]
    major = f", {unit[0].upper()}-major" if unit else ", no axis contiguous"
    casts = "".join(f" to {dtype}" for dtype in operand.casts)
    strides = ", ".join(f"{axis} {stride}" for axis, stride in found.items())
    return f"{operand.dtype}{casts}{major if found else ''} (strides {strides or 'none'})"


def _stride(stride: str, values: Mapping[str, int]) -> str:
    try:
        return f"{evaluate(stride, values):,}"
    except ValueError:
        return stride


def _is_plain(value: Expression) -> bool:
    if isinstance(value, Apply) and value.operation == "cast":
        return _is_plain(value.arguments[0])
    return isinstance(value, Accumulated)


def _operands(value: Expression) -> list[Operand]:
    if isinstance(value, Loaded):
        return [value.operand]
    return [one for each in inner_expressions(value) for one in _operands(each)]


def _loaded(value: Expression) -> set[str]:
    return {name_of(operand) for operand in _operands(value)}


def _operations(value: Expression) -> int:
    return isinstance(value, Apply | Reduce) + sum(map(_operations, inner_expressions(value)))
