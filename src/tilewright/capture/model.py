"""The user's file as a module: its model, its inputs, one forward call. Runs in a worker, on the memoryless device."""

from __future__ import annotations

import contextlib
import importlib.util
import inspect
import sys
import traceback
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import torch

from tilewright.capture.device import MemorylessCuda, NeedsValueError, storage_key
from tilewright.capture.recorder import Recorder
from tilewright.records.source import TensorSpec

DTYPES = {
    "f64": torch.float64,
    "f32": torch.float32,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "i64": torch.int64,
    "i32": torch.int32,
    "i16": torch.int16,
    "i8": torch.int8,
    "u8": torch.uint8,
    "bool": torch.bool,
    "f8e4m3": torch.float8_e4m3fn,
    "f8e5m2": torch.float8_e5m2,
    "c64": torch.complex64,
}
"""Short names of SPEC to PyTorch's types."""
_SHORT = {dtype: name for name, dtype in DTYPES.items()}
_VALUE_MESSAGES = ("meta tensor", "'Meta' backend", "on meta", "meta device", "data-dependent", "device='meta'")


@dataclass(eq=False)
class Refused(Exception):  # noqa: N818 (it says what happened, and is handed on as data)
    """The user's code cannot be run as asked. ``kind`` tells the parent which InputError to raise."""

    kind: str
    """``source``, ``spec`` or ``reference``."""
    line: int | None
    what: str
    remedy: str


@dataclass(eq=False)
class Stopped(Exception):  # noqa: N818 (as above)
    """Forward raised."""

    line: int | None
    message: str
    needs_value: bool
    """Whether it asked for numbers that only the GPU would compute."""
    error_type: str


def load(path: str, name: str) -> ModuleType:
    """Run a file as a module.

    Raises:
        Exception: whatever the file raises.
    """
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        del sys.modules[name]
        raise
    return module


def line_in(path: str, error: BaseException) -> int | None:
    """The last line of ``path`` that an exception passed through; for a syntax error, its own line."""
    if isinstance(error, SyntaxError) and error.filename == path:
        return error.lineno
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == path]
    return lines[-1] if lines else None


def in_words(error: BaseException) -> str:
    """One line that says what was raised; an assertion without a message is quoted."""
    text = next((line.strip() for line in str(error).splitlines() if line.strip()), "")
    if not text and isinstance(error, AssertionError):
        frames = traceback.extract_tb(error.__traceback__)
        text = f"`{frames[-1].line}` does not hold" if frames and frames[-1].line else "an assertion does not hold"
    name = type(error).__name__
    return text if isinstance(error, NeedsValueError) else f"{name}: {text}" if text else name


def make_model(module: ModuleType, path: str, init: Sequence[Any], *, given: bool, device: MemorylessCuda) -> Any:
    """``ModelNew(*init)`` with no memory behind its parameters.

    Args:
        module: the loaded file.
        path: the file's path, for lines.
        init: arguments.
        given: whether ``init`` was stated by a reference, and is to blame when it does not fit.
        device: the active device.

    Raises:
        Refused: there is no ModelNew, or it cannot be made with these arguments.
    """
    factory = getattr(module, "ModelNew", None)
    if factory is None:
        raise Refused("source", None, "no class ModelNew", "define `class ModelNew(nn.Module)` with a forward method")
    try:
        with all_factories(device):
            model = factory(*init)
            model = model.cuda() if isinstance(model, torch.nn.Module) else model
            return model.eval() if isinstance(model, torch.nn.Module) else model
    except Exception as error:
        needed = _required(factory)
        if not given and needed and isinstance(error, TypeError):
            what = f"ModelNew needs init arguments ({', '.join(needed)})"
            remedy = "give --reference with a file whose get_init_inputs() returns them"
            raise Refused("source", _definition_line(factory), what, remedy) from error
        shown = ", ".join(repr(value) for value in init)
        what = f"ModelNew({shown}) raises {in_words(error)}"
        kind, remedy = ("reference", "check get_init_inputs()") if given else ("source", "ModelNew must construct")
        raise Refused(kind, line_in(path, error), what, remedy) from error


@contextlib.contextmanager
def all_factories(device: MemorylessCuda) -> Iterator[None]:
    """Tensors made without a device hold no memory inside the block."""
    before, device.all_factories = device.all_factories, True
    try:
        yield
    finally:
        device.all_factories = before


def read_inputs(module: ModuleType, path: str, device: MemorylessCuda, *, kind: str) -> list[Any]:
    """What ``get_inputs()`` returns, memoryless.

    Raises:
        Refused: it raises, or returns something else than a list.
    """
    try:
        with all_factories(device):
            values = module.get_inputs()
            values = list(values.values()) if isinstance(values, dict) else list(values)
            return [value.cuda() if isinstance(value, torch.Tensor) else value for value in values]
    except Exception as error:
        what = f"get_inputs() raises {in_words(error)}"
        raise Refused(kind, line_in(path, error), what, "it must return a list of tensors and numbers") from error


def read_init(module: ModuleType, path: str, device: MemorylessCuda, *, kind: str) -> list[Any]:
    """What ``get_init_inputs()`` returns; nothing where the file has none.

    Raises:
        Refused: it raises.
    """
    function = getattr(module, "get_init_inputs", None)
    if function is None:
        return []
    try:
        with all_factories(device):
            values = function()
    except Exception as error:
        what = f"get_init_inputs() raises {in_words(error)}"
        raise Refused(kind, line_in(path, error), what, "it must return a list") from error
    return list(values) if isinstance(values, list | tuple) else [values]


def build(spec: TensorSpec) -> Any:
    """The value that a specification describes: a memoryless tensor, or a Python number."""
    if spec.dtype == "python":
        return parse_python(spec.name.partition("=")[2])
    dtype = DTYPES.get(spec.dtype)
    if dtype is None:
        known = ", ".join(DTYPES)
        raise Refused("spec", None, f"{spec.name}: no dtype {spec.dtype!r}", f"use one of {known}")
    if spec.strides is None:
        return torch.empty(spec.shape, dtype=dtype, device="cuda")
    return torch.empty_strided(spec.shape, spec.strides, dtype=dtype, device="cuda")


def parse_python(text: str) -> Any:
    """A Python literal as SPEC writes it."""
    import ast

    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def describe(name: str, value: Any) -> TensorSpec:
    """The specification of a tensor or a plain value."""
    if not isinstance(value, torch.Tensor):
        return TensorSpec(name=f"{name}={value!r}", dtype="python", shape=())
    with torch._C.DisableTorchFunction():
        shape, strides = tuple(value.shape), tuple(value.stride())
        dtype = _SHORT.get(value.dtype, str(value.dtype).removeprefix("torch."))
        return TensorSpec(name=name, dtype=dtype, shape=shape, strides=None if value.is_contiguous() else strides)


def flatten(value: Any) -> list[torch.Tensor]:
    """The tensors of a nested result, in order."""
    if isinstance(value, torch.Tensor):
        return [value]
    if isinstance(value, dict):
        return [tensor for each in value.values() for tensor in flatten(each)]
    if isinstance(value, list | tuple):
        return [tensor for each in value for tensor in flatten(each)]
    return []


def forward_parameters(model: Any) -> list[inspect.Parameter]:
    """Parameters of forward, without ``self``."""
    return list(inspect.signature(model.forward).parameters.values())


def state_origins(model: Any) -> dict[int, str]:
    """Storage of each tensor that the model keeps (parameter, buffer or plain attribute) to ``state:NAME``."""
    if not isinstance(model, torch.nn.Module):
        return {}
    named = [*model.named_parameters(), *model.named_buffers()]
    for prefix, module in model.named_modules():
        plain = {name: value for name, value in vars(module).items() if isinstance(value, torch.Tensor)}
        named.extend((f"{prefix}.{name}".removeprefix("."), value) for name, value in plain.items())
    return {storage_key(tensor): f"state:{name}" for name, tensor in named}


def forward(model: Any, values: Sequence[Any], recorder: Recorder) -> Any:
    """Call the model and return what it returns; launches go to the recorder.

    Raises:
        Stopped: it raised, or launched nothing it could.
    """
    recorder.restart()
    recorder.origins = state_origins(model)
    for position, value in enumerate(values):
        if isinstance(value, torch.Tensor):
            recorder.device.address(value)
            recorder.origins[storage_key(value)] = f"input:{position}"
    try:
        with torch.no_grad():
            return model(*values)
    except Exception as error:
        text = f"{type(error).__name__} {error}"
        needs_value = isinstance(error, NeedsValueError) or any(part in text for part in _VALUE_MESSAGES)
        line = line_in(recorder.path, error)
        raise Stopped(line, in_words(error), needs_value, type(error).__name__) from error


def _required(factory: Any) -> list[str]:
    try:
        parameters = inspect.signature(factory).parameters.values()
    except (TypeError, ValueError):
        return []
    fixed = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD, inspect.Parameter.KEYWORD_ONLY)
    return [each.name for each in parameters if each.kind in fixed and each.default is inspect.Parameter.empty]


def _definition_line(factory: Any) -> int | None:
    try:
        return inspect.getsourcelines(factory.__init__)[1]
    except (OSError, TypeError):
        return None
