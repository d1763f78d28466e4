"""Take a kernel's host-made descriptors apart: an emitted kernel is given pointers, lengths and strides in their place.

What it reads through descriptors of its own, ``emit_operands`` makes again.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from typing import Any

from tilewright.families.contraction.descriptors import described
from tilewright.families.contraction.emit_expression import operands
from tilewright.families.contraction.emit_signature import RESERVED, Parameter
from tilewright.families.contraction.emit_text import fresh, names_in, substitute
from tilewright.families.ttir.arguments import parts
from tilewright.records.algorithm import Contraction, Operand
from tilewright.records.algorithm import Parameter as Number
from tilewright.records.launch import Launch
from tilewright.source.descriptors import descriptor_texts
from tilewright.source.launches import LaunchSite

_WORDS = {"m": "M", "n": "N", "k": "K"}
_AFFIX = re.compile(r"^(?:tensor_)?desc(?:riptor)?_|_?(?:tensor_?)?desc(?:riptor)?$")


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain:
    """A contraction over pointers and numbers alone."""

    algorithm: Contraction
    parameters: tuple[Parameter, ...]
    pointers: Mapping[str, str]
    """Descriptor to the pointer that is passed in its place."""
    numbers: Mapping[str, str]
    """Part of a descriptor, by its name in ``ttir.arguments.parts``, to the parameter that it is passed for."""
    axes: Mapping[str, int]
    """Axes of each descriptor."""


def with_plain_pointers(algorithm: Contraction, parameters: Sequence[Parameter], launch: Launch) -> Plain:
    """The contraction with a pointer for each descriptor, and a parameter for each length and stride it rests on."""
    axes = described(launch)
    if not axes:
        return Plain(algorithm=algorithm, parameters=tuple(parameters), pointers={}, numbers={}, axes={})
    used = _used(algorithm)
    left = [one for one in parameters if one.name in used or one.is_constexpr or one.name in axes]
    taken = {one.name for one in left} - axes.keys() | {"tl", "triton", "torch", *RESERVED}
    pointers: dict[str, str] = {}
    for name in axes:
        pointers[name] = fresh(_pointer(name), taken | (axes.keys() - {name}))
        taken.add(pointers[name])
    wishes = _wishes(algorithm, pointers)
    known = [part for name in axes for part in (*parts(name, axes[name]).shape, *parts(name, axes[name]).strides)]
    numbers: dict[str, str] = {}
    for part in sorted({*known} & used, key=list(wishes).index):
        numbers[part] = fresh(wishes[part], taken)
        taken.add(numbers[part])
    return Plain(
        algorithm=_renamed(algorithm, {**pointers, **numbers}),
        parameters=_signature(parameters, {one.name for one in left}, pointers, list(numbers.values())),
        pointers=pointers,
        numbers=numbers,
        axes=axes,
    )


def unwrapped_arguments(
    plain: Plain, text: str, site: LaunchSite, arguments: Mapping[str, str]
) -> dict[str, str] | str:
    """What the launch at ``site`` passes for the parameters that are new, or why that cannot be written."""
    found: dict[str, str] = {}
    for name, axes in plain.axes.items():
        if name not in arguments:
            return f"the call does not show what it passes for {name}"
        texts = descriptor_texts(text, site, arguments[name], axes)
        if texts is None:
            return f"the call makes the descriptor {name} in a way that does not show its tensor"
        found[plain.pointers[name]] = texts.base
        names = parts(name, axes)
        given = dict(zip((*names.shape, *names.strides), (*texts.shape, *texts.strides[:-1]), strict=True))
        found |= {plain.numbers[part]: value for part, value in given.items() if part in plain.numbers}
    return found


def _pointer(name: str) -> str:
    word = _AFFIX.sub("", name)
    return name if word == name else f"{word or 'x'}_ptr"


def _wishes(algorithm: Contraction, pointers: Mapping[str, str]) -> dict[str, str]:
    """Names that parts of descriptors should have, the most telling use of each first; lengths come before strides."""
    wishes: dict[str, str] = {}
    for axis, extent in algorithm.extents.items():
        word = _WORDS.get(axis, "batch_size" if len(algorithm.batch_axes) == 1 else f"batch_size_{axis[1:]}")
        wishes.setdefault(extent, word)
    every = [algorithm.a, algorithm.b]
    for output in algorithm.outputs:
        every += [output.operand, *operands(output.value)]
    for operand in every:
        word = pointers.get(operand.parameter, "").removesuffix("_ptr").lower()
        for axis in (axis for axis in (*algorithm.batch_axes, *_WORDS) if axis in operand.strides):
            end = axis if axis in _WORDS else "batch" if len(algorithm.batch_axes) == 1 else f"batch_{axis[1:]}"
            name = f"stride_{word}{axis}" if len(word + end) == 2 else f"stride_{word}_{end}"
            wishes.setdefault(operand.strides[axis], name)
    return wishes | {name: name for name in _used(algorithm) if name not in wishes}


def _signature(
    parameters: Sequence[Parameter], kept: set[str], pointers: Mapping[str, str], numbers: Sequence[str]
) -> tuple[Parameter, ...]:
    """The kernel's parameters: pointers stand where descriptors stood, numbers where one of that name stood or last."""
    found = []
    for one in parameters:
        if one.name in pointers:
            found.append(Parameter(name=pointers[one.name], line=one.line))
        elif one.name in kept or one.name in numbers:
            found.append(replace(one, annotation="") if one.name in numbers else one)
    there = {one.name for one in found}
    line = max((one.line for one in parameters), default=0)
    last = max((place for place, one in enumerate(found) if not one.is_constexpr), default=-1) + 1
    lengths = [
        Parameter(name=name, line=line + 1 + name.startswith("stride_")) for name in numbers if name not in there
    ]
    return (*found[:last], *lengths, *found[last:])


def _used(algorithm: Contraction) -> set[str]:
    """Every name in the contraction's lengths, strides, offsets and numbers."""
    found: set[str] = set()

    def see(node: Any) -> None:
        if isinstance(node, Operand):
            found.update(
                {node.parameter, *(name for text in (*node.strides.values(), node.offset) for name in names_in(text))}
            )
        elif isinstance(node, Number):
            found.add(node.name)
        elif is_dataclass(node):
            for one in fields(node):
                see(getattr(node, one.name))
        elif isinstance(node, tuple):
            for one in node:
                see(one)

    see(algorithm)
    return found | {name for extent in algorithm.extents.values() for name in names_in(extent)}


def _renamed(algorithm: Contraction, names: Mapping[str, str]) -> Contraction:
    """The contraction with other names for parameters, wherever it mentions them."""

    def again(node: Any) -> Any:
        if isinstance(node, Operand):
            strides = {axis: substitute(stride, names) for axis, stride in node.strides.items()}
            offset = substitute(node.offset, names)
            return replace(node, parameter=names.get(node.parameter, node.parameter), strides=strides, offset=offset)
        if isinstance(node, Number):
            return replace(node, name=names.get(node.name, node.name))
        if isinstance(node, tuple):
            return tuple(again(one) for one in node)
        if is_dataclass(node) and not isinstance(node, type):
            return replace(node, **{one.name: again(getattr(node, one.name)) for one in fields(node)})
        return node

    extents = {axis: substitute(extent, names) for axis, extent in algorithm.extents.items()}
    renamed: Contraction = replace(again(algorithm), extents=extents)
    return renamed
