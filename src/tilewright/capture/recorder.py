"""Stand in for Triton's compiler and launcher, and note each launch.

Triton's own path is kept up to the compile: ``kernel[grid](…)`` binds, types and specialises every argument as for
the GPU, and then asks for a compile. That is answered with an object which notes the launch when it is run.
"""

from __future__ import annotations

import contextlib
import operator
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from unittest import mock

import torch
import triton
from triton.runtime.autotuner import Autotuner
from triton.runtime.driver import driver as triton_driver
from triton.runtime.jit import JITFunction

from tilewright.capture import binary, ttir
from tilewright.capture.device import Length, MemorylessCuda, storage_key
from tilewright.capture.driver import RecordingDriver
from tilewright.records.launch import Argument, ConstexprArgument, Launch, ScalarArgument, TensorArgument

_active: list[Recorder] = []
"""The recorder at work is the last. Triton keeps compiled kernels, and those must not keep an older recorder."""


@dataclass(slots=True, kw_only=True)
class Noted:
    """One launch while the forward call runs; TTIR comes later, and only if it is asked for."""

    compiled: _Compiled
    ordinal: int
    grid: tuple[int, int, int]
    values: tuple[Any, ...]
    arguments: tuple[Argument, ...]
    call_line: int
    configuration: Mapping[str, int | float | bool | str]


@dataclass(slots=True)
class Recorder:
    """What one forward call launches."""

    path: str
    """The user's file."""
    device: MemorylessCuda
    origins: dict[int, str] = field(default_factory=dict)
    """Storage to where it came from; unknown storages are numbered as they appear."""
    notes: list[Noted] = field(default_factory=list)
    ordinal: int = 0
    configuration: Mapping[str, Any] | None = None
    """Of the autotuner that is running its configurations, or ``None``."""

    def restart(self) -> None:
        """Forget what was launched, and what was allocated for it."""
        self.notes.clear()
        self.ordinal = 0
        self.configuration = None
        self.origins = {key: origin for key, origin in self.origins.items() if not origin.startswith("allocated:")}

    def note(self, compiled: _Compiled, grid: tuple[Any, ...], values: tuple[Any, ...]) -> None:
        """Note a launch; called in the place of the launch itself."""
        # a launcher takes integers alone, and so does this
        extent = tuple(operator.index(count) for count in grid)
        self.notes.append(
            Noted(
                compiled=compiled,
                ordinal=self.ordinal,
                grid=(extent[0], extent[1], extent[2]),
                values=values,
                arguments=tuple(self._arguments(compiled.source, values)),
                call_line=self._call_line(),
                configuration=dict(self.configuration or {}),
            )
        )
        if self.configuration is None:
            self.ordinal += 1

    def launches(self) -> tuple[Launch, ...]:
        """The launches noted so far, with their TTIR."""
        return tuple(self._launch(note) for note in self.notes)

    def _launch(self, note: Noted) -> Launch:
        compiled = note.compiled
        text, generic = compiled.texts(self.path)
        return Launch(
            kernel=compiled.source.fn.__name__,
            ordinal=note.ordinal,
            grid=note.grid,
            num_warps=compiled.options.num_warps,
            num_stages=compiled.options.num_stages,
            num_ctas=compiled.options.num_ctas,
            arguments=note.arguments,
            ttir=text.ttir,
            generic_ttir=generic.ttir,
            call_line=note.call_line,
            configuration=note.configuration,
            error=text.error,
        )

    def _arguments(self, source: Any, values: tuple[Any, ...]) -> Iterator[Argument]:
        with torch._C.DisableTorchFunction():
            for parameter, kind, value in zip(source.fn.params, source.signature.values(), values, strict=False):
                yield self._argument(parameter, kind, value)

    def _argument(self, parameter: Any, kind: Any, value: Any) -> Argument:
        name = parameter.name
        if hasattr(value, "base") and isinstance(value.base, torch.Tensor) and not isinstance(value, torch.Tensor):
            base = self._tensor(name, _dtype(kind), value.base)
            return TensorArgument(
                parameter=name,
                dtype=base.dtype,
                shape=tuple(int(size) for size in value.shape),
                strides=tuple(int(step) for step in value.strides),
                offset=base.offset,
                origin=base.origin,
                block_shape=tuple(int(size) for size in value.block_shape),
                padding=getattr(value, "padding", "zero"),
                rounds_to_tf32=bool(getattr(value, "round_f32_to_tf32", False)),
            )
        if isinstance(value, torch.Tensor):
            return self._tensor(name, _dtype(kind), value)
        if not parameter.is_constexpr and isinstance(value, int | float):
            # a number that is 1 is typed as a constant; it is a number all the same
            typed = str(kind) if kind != "constexpr" else "i32"
            return ScalarArgument(parameter=name, dtype="i1" if typed == "u1" else typed, value=value)
        return ConstexprArgument(parameter=name, value=_constant(value))

    def _tensor(self, name: str, dtype: str, tensor: torch.Tensor) -> TensorArgument:
        if not tensor.is_meta:
            # Triton's own words for it
            raise ValueError(f"Pointer argument {name} cannot be accessed from Triton (cpu tensor?)")
        key = storage_key(tensor)
        if key not in self.origins:
            self.device.address(tensor)  # keeps the storage, so that its key stays its own
            count = sum(origin.startswith("allocated:") for origin in self.origins.values())
            self.origins[key] = f"allocated:{count}"
        return TensorArgument(
            parameter=name,
            dtype=dtype,
            shape=tuple(tensor.shape),
            strides=tuple(tensor.stride()),
            offset=int(tensor.storage_offset()),
            origin=self.origins[key],
        )

    def _call_line(self) -> int:
        frame = sys._getframe(1)
        while frame is not None:
            if frame.f_code.co_filename == self.path:
                return frame.f_lineno
            frame = frame.f_back  # type: ignore[assignment]
        return 0


class _Compiled:
    """What Triton holds for a compiled kernel; TTIR is made when it is first asked for."""

    function = None
    packed_metadata = None

    def __init__(self, source: Any, target: Any, options: Mapping[str, Any]) -> None:
        self.source, self.target = source, target
        self.options = triton.compiler.make_backend(target).parse_options(dict(options))
        self._texts: tuple[ttir.Text, ttir.Text] | None = None

    def launch_metadata(self, *_: Any) -> None:
        """Nothing listens."""

    def run(self, x: Any, y: Any, z: Any, stream: Any, function: Any, *rest: Any) -> None:
        """Triton's launch: grid, stream, function, packed and launch metadata, two hooks, then all arguments."""
        del stream, function
        _active[-1].note(self, (x, y, z), rest[4:])

    def texts(self, path: str) -> tuple[ttir.Text, ttir.Text]:
        """TTIR as specialised for the launch, and with no integer specialised."""
        if self._texts is None:
            arguments = (self.source, self.target, self.options, path)
            # kernels may use names that torch's modes would answer for
            with torch._C.DisableTorchFunction():
                text = ttir.specialised(*arguments)
                self._texts = (text, ttir.Text() if text.error else ttir.generic(*arguments))
        return self._texts

    def __getattr__(self, name: str) -> Any:
        """Facts of the binary (``n_regs``, ``metadata``, ``asm``), which some wrappers size their grid with."""
        if name not in binary.NAMES:
            raise AttributeError(name)
        with torch._C.DisableTorchFunction():
            self.__dict__.update(binary.facts(self.source, self.target, self.options))
        return self.__dict__[name]

    def _init_handles(self) -> None:
        """Nothing is loaded onto a GPU."""


@contextlib.contextmanager
def recording(path: str, device: MemorylessCuda, facts: dict[str, Any]) -> Iterator[Recorder]:
    """Note every launch made inside the block.

    Args:
        path: the user's file.
        device: the active memoryless device.
        facts: the target's fields, by the names of ``records.Target``.
    """
    recorder = Recorder(path, device)

    def compile_kernel(source: Any, target: Any = None, options: Any = None, **_: Any) -> _Compiled:
        return _Compiled(source, target, options or {})

    def run_all(tuner: Any, *args: Any, **kwargs: Any) -> Any:
        return _run_configurations(recorder, tuner, args, kwargs)

    def run_plain(kernel: Any, *args: Any, **kwargs: Any) -> Any:
        if device.observe_lengths:
            args = tuple(_plain(value) for value in args)
            kwargs = {name: _plain(value) for name, value in kwargs.items()}
        return run_kernel(kernel, *args, **kwargs)

    run_kernel = JITFunction.run
    # ``reset_active`` would look for a real driver, and there may be none
    previous = triton_driver._active
    triton_driver.set_active(RecordingDriver(facts))
    _active.append(recorder)
    try:
        with (
            mock.patch.object(triton.compiler, "compile", compile_kernel),
            mock.patch.object(Autotuner, "run", run_all),
            mock.patch.object(JITFunction, "run", run_plain),
        ):
            yield recorder
    finally:
        _active.pop()
        triton_driver._active = previous


def _run_configurations(recorder: Recorder, tuner: Any, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
    """Launch every configuration that the autotuner would try; the forward call goes on with the first one's."""
    tuner.nargs = dict(zip(tuner.arg_names, args, strict=False))
    configs = _pruned(tuner, kwargs)
    result = None
    try:
        for position, config in enumerate(configs):
            clash = kwargs.keys() & config.kwargs.keys()
            if clash:
                raise ValueError(
                    f"Conflicting meta-parameters: {', '.join(sorted(clash))}. "
                    "Make sure that you don't re-define auto-tuned symbols."
                )
            everything = {**tuner.nargs, **kwargs, **config.all_kwargs()}
            recorder.configuration = config.kwargs
            for hook in (config.pre_hook, tuner.pre_hook):
                if hook is not None:
                    hook(everything)
            returned = tuner.fn.run(*args, **kwargs, **config.all_kwargs())
            tuner.post_hook(everything, exception=None)
            if position == 0:
                result, tuner.best_config = returned, config
    finally:
        recorder.configuration = None
        recorder.ordinal += 1
        tuner.nargs = None
    return result


def _pruned(tuner: Any, kwargs: dict[str, Any]) -> Any:
    """The configurations that the autotuner's own pruning leaves; all of them where it needs a real GPU to decide."""
    if len(tuner.configs) == 1:
        return tuner.configs
    try:
        return tuner.prune_configs(kwargs)
    except Exception:  # the user's function may raise anything; more configurations than needed do no harm
        return tuner.configs


def _plain(value: Any) -> Any:
    """An observed size as the plain integer that Triton knows how to type."""
    return int(value) if isinstance(value, Length) else value


def _dtype(kind: Any) -> str:
    """Triton's name of the element type: of ``*fp32``, ``*kfp32`` (read only) or ``tensordesc<fp16[64, 64]>``."""
    text = str(kind)
    if text.startswith("tensordesc<"):
        return text[len("tensordesc<") :].split("[")[0]
    return text.removeprefix("*").removeprefix("k").replace("u1", "i1")


def _constant(value: Any) -> int | float | bool | str | None:
    inner = getattr(value, "value", value)
    if inner is None or isinstance(inner, bool | int | float | str):
        return inner
    return str(getattr(inner, "__name__", inner))
