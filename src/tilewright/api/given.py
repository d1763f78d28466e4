"""What Python users hand in: paths, texts, models and tensors, brought to what the command line takes."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any, TypeAlias

from tilewright import source
from tilewright.errors import InputError
from tilewright.records.source import Request, TensorSpec
from tilewright.source.inputs import format_inputs, parse_inputs

Given: TypeAlias = str | os.PathLike[str] | object
"""A path; a file's text (more than one line); or a class, an instance of one, or a module, whose file is meant."""
_IN_A_FILE = "pass the path of a file, or its whole text"


def request_of(model_new: Given) -> Request:
    """Read a kernel file or a prompt document.

    Raises:
        InputError: it cannot be read, or is none.
    """
    if _is_text(model_new):
        return source.read_request_text("model_new", str(model_new))
    return source.read_request(_path(model_new, "model_new"))


def reference_path(reference: Given | None, folder: Path) -> str | None:
    """The path of a reference file; a text is written into ``folder``, which has to last as long as the run."""
    if reference is None:
        return None
    if not _is_text(reference):
        return _path(reference, "reference")
    path = folder / "reference.py"
    path.write_text(str(reference), encoding="utf-8")
    return str(path)


def spec_of(inputs: str | Sequence[Any] | None) -> str | None:
    """SPEC, or forward's arguments themselves (tensors and plain values, in their order), as SPEC.

    Raises:
        SpecError: something among them has no place in SPEC.
    """
    if inputs is None or isinstance(inputs, str):
        return inputs
    words = " ".join(_word(f"x{index}", value) for index, value in enumerate(inputs))
    return format_inputs([_plain(one) for one in parse_inputs(words)])


def _word(name: str, value: Any) -> str:
    shape, dtype = getattr(value, "shape", None), getattr(value, "dtype", None)
    if shape is None or dtype is None:
        return f"{name}={value!r}"
    sizes = ",".join(str(int(size)) for size in shape)
    strides = getattr(value, "stride", None)
    moves = "{" + ",".join(str(int(move)) for move in strides()) + "}" if callable(strides) and sizes else ""
    return f"{name}={str(dtype).rpartition('.')[2]}[{sizes}]{moves}"


def _plain(spec: TensorSpec) -> TensorSpec:
    """Without strides that say no more than the shape does."""
    if spec.strides is None:
        return spec
    dense, size = [], 1
    for length in reversed(spec.shape):
        dense.append(size)
        size *= max(length, 1)
    same = all(
        length <= 1 or given == own
        for length, given, own in zip(spec.shape, spec.strides, reversed(dense), strict=True)
    )
    if not same:
        return spec
    return TensorSpec(name=spec.name, dtype=spec.dtype, shape=spec.shape)


def _is_text(thing: Given) -> bool:
    return isinstance(thing, str) and "\n" in thing


def _path(thing: Given, what: str) -> str:
    if isinstance(thing, str | os.PathLike):
        return os.fspath(thing)
    module = thing if hasattr(thing, "__spec__") else sys.modules.get(getattr(thing, "__module__", ""))
    path = getattr(module, "__file__", None)
    if path is None:
        name = getattr(thing, "__name__", type(thing).__name__)
        raise InputError(f"{what}: {name} stands in no file, as in a notebook or at a prompt; {_IN_A_FILE}")
    return str(path)
