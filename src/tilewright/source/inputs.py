"""The input specification: ``A=f32[8192,2048] B=f32[4096,8192] alpha=0.5``."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tilewright.errors import SpecError
from tilewright.records.source import TensorSpec
from tilewright.source import syntax

DTYPES = ("f32", "f16", "bf16", "f64", "i8", "i16", "i32", "i64", "u8", "bool")
"""The dtypes of SPEC, in its short names."""

_LONG_NAMES = {
    "fp32": "f32", "float32": "f32", "float": "f32", "fp16": "f16", "float16": "f16", "half": "f16",
    "bfloat16": "bf16", "fp64": "f64", "float64": "f64", "double": "f64", "int8": "i8", "int16": "i16",
    "int32": "i32", "int": "i32", "int64": "i64", "long": "i64", "uint8": "u8", "i1": "bool",
}  # fmt: skip
_EXAMPLE = "write for instance `A=f32[8192,2048] B=f32[4096,8192] alpha=0.5`"
_TENSOR = re.compile(r"(?P<dtype>[\w.]+)\[(?P<shape>[^\]]*)\](?:\{(?P<strides>[^}]*)\})?")
_WHERE = "--inputs"


def parse_inputs(spec: str) -> tuple[TensorSpec, ...]:
    """Read SPEC: words ``NAME=DTYPE[SIZE,…]``, with ``{STRIDE,…}`` in elements if not contiguous, or ``NAME=NUMBER``.

    A number, ``True``, ``False``, ``None`` or a quoted string becomes a TensorSpec of dtype ``python`` whose ``name``
    is ``NAME=VALUE``.

    Raises:
        SpecError: says which word is wrong, where, and shows a right one.
    """
    found: list[TensorSpec] = []
    taken: dict[str, int] = {}
    for number, (column, word) in enumerate(_words(spec), start=1):
        place = f"word {number} (column {column}) {word!r}"
        item = _parse_word(word, place)
        name = item.name.partition("=")[0]
        if name in taken:
            raise _error(f"{place}: {name!r} was already given by word {taken[name]}")
        taken[name] = number
        found.append(item)
    if not found:
        raise _error("no input is named")
    return tuple(found)


def format_inputs(inputs: Sequence[TensorSpec]) -> str:
    """Write SPEC, so that ``parse_inputs(format_inputs(x)) == x``."""
    return " ".join(_format_one(item) for item in inputs)


def _format_one(item: TensorSpec) -> str:
    if item.dtype == "python":
        return item.name
    strides = "" if item.strides is None else "{" + ",".join(map(str, item.strides)) + "}"
    return f"{item.name}={item.dtype}[{','.join(map(str, item.shape))}]{strides}"


def _words(spec: str) -> list[tuple[int, str]]:
    """Words with their columns from 1; a space inside brackets or quotes does not end a word."""
    words: list[tuple[int, str]] = []
    start: int | None = None
    depth, quote, escaped = 0, "", False
    for position, character in enumerate(spec + " "):
        if quote:
            quote = "" if character == quote and not escaped else quote
            escaped = character == "\\" and not escaped
        elif character in "'\"":
            quote = character
        elif character in "[{":
            depth += 1
        elif character in "]}":
            depth -= 1
        if start is None and not character.isspace():
            start = position
        elif start is not None and position == len(spec):
            words.append((start + 1, spec[start:].rstrip()))
        elif start is not None and character.isspace() and depth <= 0 and not quote:
            words.append((start + 1, spec[start:position]))
            start = None
    return words


def _parse_word(word: str, place: str) -> TensorSpec:
    name, equals, right = word.partition("=")
    if not equals:
        raise _error(f"{place}: no `=` between name and value")
    if not name.isidentifier():
        raise _error(f"{place}: {name!r} is not a name")
    match = _TENSOR.fullmatch(right)
    if match is None:
        return _parse_value(name, right, place)
    dtype = match["dtype"].removeprefix("torch.")
    dtype = _LONG_NAMES.get(dtype, dtype)
    if dtype not in DTYPES:
        raise _error(f"{place}: no dtype {match['dtype']!r} (there are {' '.join(DTYPES)})")
    shape = _sizes(match["shape"], "size", place)
    strides = None if match["strides"] is None else _sizes(match["strides"], "stride", place)
    if strides is not None and len(strides) != len(shape):
        raise _error(f"{place}: {len(shape)} sizes but {len(strides)} strides")
    return TensorSpec(name=name, dtype=dtype, shape=shape, strides=strides)


def _sizes(text: str, kind: str, place: str) -> tuple[int, ...]:
    parts = [part.strip() for part in text.split(",")]
    if parts == [""]:
        return ()
    for part in parts:
        if not (part.isascii() and part.isdigit()):
            raise _error(f"{place}: {kind} {part!r} is not a whole number from 0 up")
    return tuple(int(part) for part in parts)


def _parse_value(name: str, text: str, place: str) -> TensorSpec:
    try:
        value = syntax.literal(text)
    except (ValueError, SyntaxError, TypeError, MemoryError, RecursionError):
        value = ...
    if value is not None and not isinstance(value, bool | int | float | str):
        raise _error(f"{place}: {text!r} is neither DTYPE[SIZE,…] nor a number")
    if isinstance(value, float) and value in (float("inf"), float("-inf")):
        raise _error(f"{place}: {text!r} is no finite number")
    return TensorSpec(name=f"{name}={value!r}", dtype="python", shape=())


def _error(what: str) -> SpecError:
    return SpecError(_WHERE, None, what, _EXAMPLE)
