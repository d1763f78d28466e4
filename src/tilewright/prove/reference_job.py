"""Ask a reference file for its inputs, without memory where that goes: worker side."""

from __future__ import annotations

import inspect
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

import torch

from tilewright.capture import model
from tilewright.capture.device import MemorylessCuda, NeedsValueError, memoryless_cuda
from tilewright.capture.model import Refused

_KIND = "reference"


def read(*, path: str, facts: dict[str, Any], dtypes: Sequence[str]) -> dict[str, Any]:
    """Load the file, call ``get_inputs`` and ``get_init_inputs``, and try ``Model`` once without memory.

    Args:
        path: the reference file.
        facts: fields of the Target that ``torch.cuda`` answers for.
        dtypes: what an input may have, in the short names of SPEC.

    Returns:
        ``{"inputs", "init", "outputs", "forward_error", "line"}``, or ``{"refused": {line, what, remedy}}``.
    """
    try:
        with memoryless_cuda(facts) as device:
            return _read(path, device, dtypes)
    except Refused as refused:
        return {"refused": {name: getattr(refused, name) for name in ("line", "what", "remedy")}}


def _read(path: str, device: MemorylessCuda, dtypes: Sequence[str]) -> dict[str, Any]:
    module = _load(path)
    values = _inputs(module, path, device)
    init = [_plain_init(value) for value in model.read_init(module, path, device, kind=_KIND)]
    made = _make(module, path, init, device)
    names = _names(made, values)
    specs = [_spec(name, value, dtypes) for name, value in zip(names, values, strict=True)]
    told: dict[str, Any] = {"inputs": specs, "init": init, "outputs": [], "forward_error": "", "line": None}
    try:
        with torch.no_grad():
            outputs = model.flatten(made(*values))
        told["outputs"] = [asdict(model.describe(f"output{n}", each)) for n, each in enumerate(outputs)]
    except Exception as error:
        # Many a sound forward needs numbers, which tensors without memory do not have: not a fault by itself.
        told |= {"forward_error": model.in_words(error), "line": model.line_in(path, error)}
    return told


def _load(path: str) -> Any:
    try:
        module = model.load(path, "tilewright_reference_file")
    except Exception as error:
        what = f"the reference does not load: {model.in_words(error)}"
        raise Refused(_KIND, model.line_in(path, error), what, "it must import without errors") from error
    for name, remedy in (
        ("Model", "define `class Model(nn.Module)` with a forward method"),
        ("get_inputs", "define get_inputs() that returns forward's arguments"),
    ):
        if not callable(getattr(module, name, None)):
            raise Refused(_KIND, None, f"no {'class' if name == 'Model' else 'function'} {name}", remedy)
    return module


def _inputs(module: Any, path: str, device: MemorylessCuda) -> list[Any]:
    try:
        return model.read_inputs(module, path, device, kind=_KIND)
    except Refused as refused:
        if not _asks_for_values(refused.__cause__):
            raise
    try:
        # It computes with its own numbers: then they are really made, in the memory that they take.
        values = module.get_inputs()
    except Exception as error:
        what = f"get_inputs() raises {model.in_words(error)}"
        remedy = "it must return a list of tensors and numbers"
        raise Refused(_KIND, model.line_in(path, error), what, remedy) from error
    return list(values.values()) if isinstance(values, dict) else list(values)


def _asks_for_values(error: BaseException | None) -> bool:
    return isinstance(error, NeedsValueError | NotImplementedError) or "meta" in str(error).lower()


def _make(module: Any, path: str, init: Sequence[Any], device: MemorylessCuda) -> Any:
    try:
        with model.all_factories(device):
            made = module.Model(*init)
    except Exception as error:
        what = f"Model({', '.join(map(repr, init))}) raises {model.in_words(error)}"
        raise Refused(_KIND, model.line_in(path, error), what, "check get_init_inputs()") from error
    forward = getattr(type(made), "forward", None)
    if forward is None or forward is torch.nn.Module.forward:
        raise Refused(_KIND, None, "Model has no method forward", "define forward, which the candidate is held against")
    return made


def _names(made: Any, values: Sequence[Any]) -> list[str]:
    parameters = model.forward_parameters(made)
    names = [each.name for each in parameters]
    try:
        inspect.signature(made.forward).bind(*values)
    except TypeError as error:
        what = f"forward({', '.join(names)}) does not take the {len(values)} inputs that get_inputs() returns"
        raise Refused(_KIND, None, what, "return one for each, in forward's order") from error
    return [*names, *(f"input{position}" for position in range(len(names), len(values)))][: len(values)]


def _spec(name: str, value: Any, dtypes: Sequence[str]) -> dict[str, Any]:
    if not isinstance(value, torch.Tensor | bool | int | float | None):
        what = f"get_inputs() returns a {type(value).__name__} for {name}"
        raise Refused(_KIND, None, what, "forward's arguments must be tensors and plain numbers")
    spec = model.describe(name, value)
    if isinstance(value, torch.Tensor) and spec.dtype not in dtypes:
        what = f"get_inputs() returns a {spec.dtype} tensor for {name}"
        raise Refused(_KIND, None, what, f"inputs can be {', '.join(dtypes)}")
    return asdict(spec)


def _plain_init(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return [_plain_init(each) for each in value]
    if not isinstance(value, bool | int | float | str | None):
        what = f"get_init_inputs() returns a {type(value).__name__}"
        raise Refused(_KIND, None, what, "a model's arguments must be numbers, strings, and lists of them")
    return value
