"""Whether functions of torch, triton, Python or this program were replaced: worker side.

A snapshot keeps every function, class and property that the watched modules and classes hold, and for Python functions
their code and defaults. Later, only what was there and is another object now counts: PyTorch fills its modules lazily.
"""

from __future__ import annotations

import builtins
import gc
import importlib
import sys
import threading
import types
from collections.abc import Callable, Iterator, Mapping
from typing import Any

import torch
from triton.runtime import interpreter as triton_interpreter

_MODULES = (
    *(
        "builtins",
        "time",
        "json",
        "json.decoder",
        "json.encoder",
        "threading",
        "os",
        "io",
        "gc",
        "math",
        "random",
        "sys",
    ),
    *(
        "types",
        "functools",
        "contextlib",
        "inspect",
        "importlib",
        "pickle",
        "struct",
        "ctypes",
        "statistics",
        "pathlib",
    ),
    *("numpy", "numpy.linalg", "numpy.random", "numpy.lib.format"),
    *("torch", "torch.cuda", "torch.cuda.streams", "torch.cuda.memory", "torch.cuda.random", "torch.nn.functional"),
    *(
        "torch.nn.modules.module",
        "torch.nn.init",
        "torch.linalg",
        "torch.random",
        "torch.testing",
        "torch.serialization",
    ),
    *("torch.overrides", "torch.utils._python_dispatch", "torch.autograd", "torch.autograd.profiler", "torch.profiler"),
    *("triton", "triton.language", "triton.language.core", "triton.language.math", "triton.language.standard"),
    *("triton.language.semantic", "triton.testing", "triton.compiler", "triton.compiler.compiler", "triton.runtime"),
    *("triton.runtime.jit", "triton.runtime.autotuner", "triton.runtime.interpreter", "triton.runtime.driver"),
    *("triton.backends.compiler", "triton.knobs"),
)
_CLASSES = (
    *("torch.Tensor", "torch.nn.Module", "torch.nn.Parameter", "torch.Generator", "torch.dtype", "torch.device"),
    *("torch.cuda.Event", "torch.cuda.Stream", "torch.cuda.CUDAGraph", "torch.nn.Linear", "torch.nn.Conv2d"),
    *("torch.overrides.TorchFunctionMode", "torch.utils._python_dispatch.TorchDispatchMode", "torch.UntypedStorage"),
    *("triton.runtime.jit.JITFunction", "triton.runtime.jit.KernelInterface", "triton.runtime.autotuner.Autotuner"),
    *(
        "triton.runtime.autotuner.Heuristics",
        "triton.runtime.autotuner.Config",
        "triton.compiler.compiler.CompiledKernel",
    ),
    *("triton.runtime.interpreter.InterpretedFunction", "triton.runtime.interpreter.GridExecutor"),
    *("triton.runtime.interpreter.InterpreterBuilder", "triton.runtime.interpreter.TensorHandle"),
    *("triton.language.core.tensor", "triton.language.core.constexpr", "json.JSONEncoder", "json.JSONDecoder"),
    *("threading.Thread", "pathlib.Path"),
)
_ROOTS = frozenset({"torch", "triton", "numpy", "tilewright"} | sys.stdlib_module_names)
_LANGUAGE = ("triton.language",)
_DATA = frozenset({"__annotations__", "__dict__", "__weakref__", "__doc__", "__module__", "__loader__", "__spec__"})
_ABSENT = object()
_METHODS = (types.FunctionType, types.BuiltinFunctionType, staticmethod, classmethod, property, type, types.ModuleType)


class Snapshot:
    """What the watched modules and classes hold at the moment of making.

    Make it in the state in which :meth:`replaced` will be asked: inside the same contexts that patch things.
    """

    def __init__(self) -> None:
        self._entries: list[tuple[str, Mapping[str, Any], str, Any]] = []
        self._functions: list[tuple[str, Any, tuple[Any, ...]]] = []
        self._builtins = frozenset(vars(builtins))
        self._own: list[tuple[str, type, frozenset[str]]] = []
        seen: set[int] = set()
        for label, namespace in _namespaces():
            if id(namespace) not in seen:
                seen.add(id(namespace))
                self._take(label, namespace)
        for label, owner in _classes():
            self._own.append((label, owner, frozenset(vars(owner))))
        self._modules = {name: module for name, module in sys.modules.items() if name.partition(".")[0] in _ROOTS}
        self._settings = _settings()

    def _take(self, label: str, namespace: Mapping[str, Any]) -> None:
        for name, value in list(namespace.items()):
            if name in _DATA:
                continue
            if callable(value) or isinstance(value, _METHODS) or hasattr(type(value), "__get__"):
                self._entries.append((label, namespace, name, value))
                function = getattr(value, "__func__", value)
                if type(function) is types.FunctionType:
                    self._functions.append((f"{label}.{name}", function, _inside(label, function)))

    def replaced(self) -> list[str]:
        """Return the full names of what is another object, has other code, or is another setting than before."""
        found = {
            f"{label}.{name}"
            for label, namespace, name, value in self._entries
            if (now := namespace.get(name, _ABSENT)) is not value and not _harmless(label, value, now)
        }
        found.update(name for name, function, before in self._functions if _differ(before, _inside(name, function)))
        found.update(f"builtins.{name}" for name in vars(builtins) if name not in self._builtins and name != "_")
        # a method set on a class hides the one of its base
        found.update(
            f"{label}.{name}"
            for label, owner, before in self._own
            for name in vars(owner).keys() - before - _DATA
            if any(name in vars(base) for base in owner.__mro__[1:-1])
        )
        found.update(
            f"sys.modules[{name!r}]"
            for name, module in self._modules.items()
            if sys.modules.get(name, module) is not module
        )
        now_set = _settings()
        found.update(name for name, value in self._settings.items() if now_set[name] != value)
        return sorted(found)


def _namespaces() -> Iterator[tuple[str, Mapping[str, Any]]]:
    for name in _MODULES:
        module = sys.modules.get(name)
        if module is not None:
            yield name, vars(module)
    for name, owner in _classes():
        yield name, vars(owner)
    for name in sorted(sys.modules):
        module = sys.modules[name]
        if name.partition(".")[0] == "tilewright" and module is not None:
            yield name, vars(module)
            for key, value in list(vars(module).items()):
                if isinstance(value, type) and value.__module__ == name:
                    yield f"{name}.{key}", vars(value)


def _classes() -> Iterator[tuple[str, type]]:
    for name in _CLASSES:
        owner, _, last = name.rpartition(".")
        found = getattr(sys.modules.get(owner), last, None)
        if isinstance(found, type):
            yield name, found


def _inside(label: str, function: Any) -> tuple[Any, ...]:
    """Return the parts of a function that can be exchanged within it; each look costs an audit event."""
    if label.startswith("tilewright"):
        return function.__code__, function.__defaults__, function.__kwdefaults__
    return (function.__code__,)


def _differ(before: tuple[Any, ...], now: tuple[Any, ...]) -> bool:
    return any(old is not new for old, new in zip(before, now, strict=True))


def _harmless(label: str, before: Any, now: Any) -> bool:
    """Tell whether a replacement is one that torch or triton make themselves."""
    if now is _ABSENT:
        return False
    code = getattr(now, "__code__", None)
    if label.startswith(_LANGUAGE):
        # the interpreter puts its own functions in and does not take all of them out again after a launch
        code = getattr(getattr(now, "func", now), "__code__", None)
        return now is print or (isinstance(code, types.CodeType) and code.co_filename == triton_interpreter.__file__)
    dynamo = sys.modules.get("torch._dynamo")
    folder = str(getattr(dynamo, "__file__", "")).removesuffix("__init__.py")
    original = getattr(now, "_torchdynamo_orig_callable", _ABSENT)
    return (
        bool(folder) and original is before and isinstance(code, types.CodeType) and code.co_filename.startswith(folder)
    )


def _settings() -> dict[str, Any]:
    """Return switches whose change alters the harness or the reference; values are compared by equality."""
    hooks = torch.nn.modules.module
    names = [name for name in vars(hooks) if name.startswith("_global_") and isinstance(vars(hooks)[name], dict)]
    readers: dict[str, Callable[[], Any]] = {
        "sys.settrace": sys.gettrace,
        "sys.setprofile": sys.getprofile,
        "threading.settrace": lambda: getattr(threading, "_trace_hook", None),
        "threading.setprofile": lambda: getattr(threading, "_profile_hook", None),
        "sys.meta_path": lambda: [id(item) for item in sys.meta_path],
        "sys.path_hooks": lambda: [id(item) for item in sys.path_hooks],
        "sys.stdout": lambda: (id(sys.stdout), id(sys.stderr), id(sys.stdin)),
        "gc.callbacks": lambda: [id(item) for item in gc.callbacks],
        "torch.nn.modules.module global hooks": lambda: [list(vars(hooks)[name]) for name in names],
        "torch.set_float32_matmul_precision": torch.get_float32_matmul_precision,
        "torch.backends.cuda.matmul.allow_tf32": lambda: _quiet(lambda: torch.backends.cuda.matmul.allow_tf32),
        "torch.backends.cudnn.allow_tf32": lambda: _quiet(lambda: torch.backends.cudnn.allow_tf32),
        "torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction": lambda: _quiet(
            lambda: torch.backends.cuda.matmul.allow_fp16_reduced_precision_reduction
        ),
        "torch.set_default_dtype": torch.get_default_dtype,
        "torch.set_default_tensor_type": lambda: str(torch.get_default_dtype()),
        "torch.use_deterministic_algorithms": torch.are_deterministic_algorithms_enabled,
        "torch.set_num_threads": torch.get_num_threads,
        "torch function modes": torch._C._len_torch_function_stack,
        "torch dispatch modes": torch._C._len_torch_dispatch_stack,
    }
    return {name: reader() for name, reader in readers.items()}


def _quiet(reader: Callable[[], Any]) -> Any:
    try:
        return reader()
    except RuntimeError:
        # newer versions refuse to answer while old and new switches are mixed: itself a change
        return "mixed"


def preload() -> None:
    """Import the watched modules that are cheap, so that a later lazy import replaces nothing."""
    for name in ("triton.testing", "triton.runtime.interpreter", "torch.utils._python_dispatch", "json", "statistics"):
        importlib.import_module(name)
