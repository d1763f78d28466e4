"""The capture job: what runs in the worker, next to the user's code."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch

from tilewright.capture import infer, model, wire
from tilewright.capture.device import MemorylessCuda, memoryless_cuda
from tilewright.capture.model import Refused, Stopped
from tilewright.capture.recorder import Recorder, recording
from tilewright.records.launch import Capture

_FLOATS = {"fp32": torch.float32, "fp16": torch.float16, "bf16": torch.bfloat16, "fp64": torch.float64}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Call:
    """Arguments of one forward call, and whom to blame when they do not fit."""

    values: Sequence[Any]
    init: Sequence[Any]
    kind: str
    assumptions: tuple[str, ...] = ()
    init_given: bool = False


def run(
    *,
    path: str,
    facts: dict[str, Any],
    first_line: int = 1,
    inputs: Sequence[Mapping[str, Any]] = (),
    reference: str | None = None,
    init: Sequence[Any] | None = None,
    grid_sizes: Mapping[str, int] | None = None,
    dtype: str | None = None,
) -> dict[str, Any]:
    """Capture one forward call.

    Args:
        path: the kernel file.
        facts: fields of the Target.
        first_line: line of the user's document on which the file's text begins.
        inputs: TensorSpecs as JSON, in forward's order; empty to look elsewhere.
        reference: path of a file with ``get_inputs`` and ``get_init_inputs``.
        init: arguments of ModelNew; ``None`` to look elsewhere.
        grid_sizes: kernel to number of programs, where the profiler saw it; guides inferred sizes.
        dtype: replaces the type of all floating inputs and of the model (``fp32``, ``fp16``, ``bf16``, ``fp64``).

    Returns:
        ``{"capture": …}``, or ``{"refused": {kind, line, what, remedy}}``.
    """
    try:
        with memoryless_cuda(facts) as device, recording(path, device, facts) as recorder:
            module = _load(path)
            call, made = _prepare(module, path, device, recorder, inputs, reference, init, grid_sizes or {})
            values = call.values
            if dtype is not None:
                values, made = _converted(values, made, _FLOATS[dtype])
            capture = _captured(call, values, made, recorder, first_line)
            return {"capture": wire.encode(capture)}
    except Refused as refused:
        return {"refused": {name: getattr(refused, name) for name in ("kind", "line", "what", "remedy")}}


def _load(path: str) -> ModuleType:
    try:
        return model.load(path, "tilewright_kernel_file")
    except Exception as error:
        what = f"the file does not load: {model.in_words(error)}"
        raise Refused("source", model.line_in(path, error), what, "it must import without errors") from error


def _prepare(
    module: ModuleType,
    path: str,
    device: MemorylessCuda,
    recorder: Recorder,
    inputs: Sequence[Mapping[str, Any]],
    reference: str | None,
    init: Sequence[Any] | None,
    grid_sizes: Mapping[str, int],
) -> tuple[_Call, Any]:
    """Find the inputs (given, from a reference, from the file itself, else inferred) and make the model."""
    if reference is not None and inputs:
        given = model.read_init(_load_reference(reference), reference, device, kind="reference")
        values = [model.build(spec) for spec in wire.specs(inputs)]
        call = _Call(values=values, init=given, kind="spec", init_given=True)
    elif reference is not None:
        call = _from_functions(_load_reference(reference), reference, device, "reference")
    elif inputs:
        own = model.read_init(module, path, device, kind="source") if init is None else list(init)
        values = [model.build(spec) for spec in wire.specs(inputs)]
        call = _Call(values=values, init=own, kind="spec", init_given=bool(own))
    elif hasattr(module, "get_inputs"):
        call = _from_functions(module, path, device, "source")
    else:
        own = model.read_init(module, path, device, kind="source") if init is None else list(init)
        made = model.make_model(module, path, own, given=bool(own), device=device)
        values, assumptions = infer.infer(made, path, recorder, grid_sizes)
        return _Call(values=values, init=own, kind="source", assumptions=assumptions), made
    made = model.make_model(module, path, call.init, given=call.init_given, device=device)
    _check_count(made, call)
    return call, made


def _load_reference(path: str) -> ModuleType:
    try:
        module = model.load(path, "tilewright_reference_file")
    except Exception as error:
        what = f"the reference does not load: {model.in_words(error)}"
        line = model.line_in(path, error)
        raise Refused("reference", line, what, "it must import without errors") from error
    return module


def _from_functions(module: ModuleType, path: str, device: MemorylessCuda, kind: str) -> _Call:
    if not hasattr(module, "get_inputs"):
        remedy = "define get_inputs() that returns forward's arguments"
        raise Refused(kind, None, "no function get_inputs", remedy)
    values = model.read_inputs(module, path, device, kind=kind)
    init = model.read_init(module, path, device, kind=kind)
    return _Call(values=values, init=init, kind=kind, init_given=kind == "reference")


def _check_count(made: Any, call: _Call) -> None:
    parameters = model.forward_parameters(made)
    try:
        inspect.signature(made.forward).bind(*call.values)
    except TypeError as error:
        names = ", ".join(each.name for each in parameters)
        what = f"forward({names}) takes {len(parameters)} inputs, and {len(call.values)} are given"
        raise Refused(call.kind, None, what, "give one for each, in forward's order") from error


def _converted(values: Sequence[Any], made: Any, dtype: torch.dtype) -> tuple[list[Any], Any]:
    """The same call in another floating type."""
    changed = []
    for value in values:
        floating = isinstance(value, torch.Tensor) and value.is_floating_point()
        with torch._C.DisableTorchFunction():
            changed.append(
                torch.empty_strided(value.shape, value.stride(), dtype=dtype, device="meta") if floating else value
            )
    return changed, made.to(dtype) if isinstance(made, torch.nn.Module) else made


def _captured(call: _Call, values: Sequence[Any], made: Any, recorder: Recorder, first_line: int) -> Capture:
    error, outputs = "", []
    try:
        outputs = model.flatten(model.forward(made, values, recorder))
    except Stopped as stopped:
        if not stopped.needs_value and not recorder.notes:
            shown = ", ".join(_shown(value) for value in values)
            what = f"forward({shown}) raises {stopped.message}"
            raise Refused(call.kind, stopped.line, what, "give inputs that the wrapper accepts") from stopped
        place = "" if stopped.line is None else f"line {stopped.line + first_line - 1}: "
        error = place + stopped.message
    names = [each.name for each in model.forward_parameters(made)]
    names += [f"input{position}" for position in range(len(names), len(values))]
    launches = recorder.launches()
    if not launches and not error:
        error = wire.NO_LAUNCH
    return Capture(
        launches=launches,
        inputs=tuple(model.describe(name, value) for name, value in zip(names, values, strict=False)),
        outputs=tuple(model.describe(f"output{number}", value) for number, value in enumerate(outputs)),
        init_arguments=tuple(_plain(value) for value in _with_defaults(type(made), call.init)),
        assumptions=call.assumptions,
        error=error,
    )


def _with_defaults(kind: type, given: Sequence[Any]) -> list[Any]:
    """``given``, then the defaults of ``__init__`` as far as they are plain: a smaller model needs to see them."""
    values = list(given)
    for parameter in list(inspect.signature(kind).parameters.values())[len(values) :]:
        positional = parameter.kind in (parameter.POSITIONAL_ONLY, parameter.POSITIONAL_OR_KEYWORD)
        if not positional or not isinstance(parameter.default, bool | int | float | str | None):
            break
        values.append(parameter.default)
    return values


def _plain(value: Any) -> Any:
    if isinstance(value, list | tuple):
        return tuple(_plain(each) for each in value)
    return value if value is None or isinstance(value, bool | int | float | str) else repr(value)


def _shown(value: Any) -> str:
    if not isinstance(value, torch.Tensor):
        return repr(value)
    spec = model.describe("", value)
    return f"{spec.dtype}{list(spec.shape)}"
