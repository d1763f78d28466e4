"""What a kernel is launched with, in symbols: pointers, numbers, and tensor descriptors with all they bring."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tilewright.families.ttir import polynomial as p
from tilewright.families.ttir.parser import Function, Type, parse_type
from tilewright.families.ttir.state import DeclinedError
from tilewright.families.ttir.values import NEVER, Data, Integer, Mask, Pointer, Scalar, Value, View

_DESCRIPTOR = "!tt.tensordesc"
_Printed = Sequence[tuple[str, Type]]


@dataclass(frozen=True, slots=True)
class Parts:
    """Names of what a launch passes with a tensor descriptor made on the host, one for each axis."""

    shape: tuple[str, ...]
    strides: tuple[str, ...]
    """The last axis of a descriptor is contiguous: its stride is 1, and is not among these."""


def parts(parameter: str, axes: int) -> Parts:
    """Names for the parts of a descriptor, as words that an IndexExpression may hold.

    >>> parts("x", 2)
    Parts(shape=('x_shape_0', 'x_shape_1'), strides=('x_stride_0',))
    """
    return Parts(
        tuple(f"{parameter}_shape_{axis}" for axis in range(axes)),
        tuple(f"{parameter}_stride_{axis}" for axis in range(axes - 1)),
    )


def arguments(function: Function, parameters: Sequence[str], descriptors: Mapping[str, int]) -> dict[str, Value]:
    """The value of each run-time parameter of a kernel, by its name in the IR.

    Args:
        function: The kernel; each descriptor is followed by its shape and strides, whose names differ between versions
            of Triton. Where the GPU has no copy engine it is a pointer, its shape and strides, and flags, before them.
        parameters: The source's names, in order.
        descriptors: Those that take a descriptor, with its number of axes.

    Raises:
        DeclinedError: A descriptor is not followed by its parts, or a parameter is called like one of them.
    """
    found: dict[str, Value] = {}
    if not descriptors:
        printed = [name for name, _ in function.parameters]
        meant = printed if set(printed) <= set(parameters) or len(parameters) != len(printed) else parameters
        for own, (name, kind) in zip(meant, function.parameters, strict=True):
            found[f"%{name}"] = _plain(own, kind)
        return found
    left = list(function.parameters)
    for own in parameters:
        if own in descriptors:
            taken = _described(own, descriptors[own], left)
            known = parts(own, descriptors[own])
            if {*known.shape, *known.strides} & set(parameters):
                raise DeclinedError(f"has a parameter that is called like a part of the descriptor {own}")
        else:
            taken = {f"%{left[0][0]}": _plain(own, left[0][1])} if left else {}
        found |= taken
        left = left[len(taken) :]
    if left:
        raise DeclinedError(f"takes {left[0][0]}, which the launch does not show")
    return found


def _plain(name: str, kind: Type) -> Value:
    if kind.pointer:
        return Pointer((), name, p.number(0), kind.element)
    if kind.element.startswith(_DESCRIPTOR):
        raise DeclinedError("takes a tensor descriptor that the launch does not show")
    if re.fullmatch(r"i\d+", kind.element) and kind.element != "i1":
        return Integer((), p.atom("parameter", name))
    return Data((), kind.element, Scalar(name, kind.element))


def _described(own: str, axes: int, printed: _Printed) -> dict[str, Value]:
    """A descriptor with its parts: the parameters of the IR that it takes."""
    names = parts(own, axes)
    extents = tuple(p.atom("parameter", name) for name in names.shape)
    strides = (*(p.atom("parameter", name) for name in names.strides), p.number(1))
    numbers = [Integer((), value) for value in (*extents, *strides)]
    kind = printed[0][1] if printed else Type((), "")
    if kind.pointer:
        after = [each.element for _, each in printed[1 + len(numbers) :]]
        flags = next((place for place, element in enumerate(after) if element != "i1"), len(after))
        # no flag is up: what lies outside is read as zero, and nothing is rounded
        down = [Mask((), (NEVER,))] * flags
        values: list[Value] = [Pointer((), own, p.number(0), kind.element), *numbers, *down, *numbers]
    else:
        shape, element = _tile(kind)
        values = [View(shape, own, extents, strides, (), element), *numbers]
    if len(printed) < len(values) or any(not kind.element.startswith("i") for _, kind in printed[1 : len(values)]):
        raise DeclinedError(f"takes a tensor descriptor, {own}, in a form that is not read")
    return {f"%{name}": value for (name, _), value in zip(printed, values, strict=False)}


def _tile(kind: Type) -> tuple[tuple[int, ...], str]:
    """Shape and element of ``!tt.tensordesc<128x64xf16>``, or of the form with a tensor inside; layouts come after."""
    found = re.match(rf"{_DESCRIPTOR}<(?:tensor<)?((?:\d+x)+)(\w+)", kind.element)
    if found is None:
        raise DeclinedError("takes a tensor descriptor made on the host in a form that is not read")
    return tuple(int(size) for size in found.group(1).split("x")[:-1]), parse_type(found.group(2)).element
