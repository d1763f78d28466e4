"""Run one kernel file on prepared inputs in Triton's interpreter: worker side.

Reads and writes raw arrays (``.npy``, never pickled) in a folder that the parent shares, one folder a case, with a
``result.json`` written last: a case without one did not end. Nothing here decides anything; the parent compares.
"""

from __future__ import annotations

import contextlib
import importlib.util
import json
import linecache
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import numpy as np
import torch
from triton.language import standard
from triton.runtime.interpreter import InterpretedFunction

from tilewright.prove import arithmetic, bounds, device, tuning

_DTYPES = {
    "f32": torch.float32,
    "f16": torch.float16,
    "bf16": torch.bfloat16,
    "f64": torch.float64,
    "i8": torch.int8,
    "u8": torch.uint8,
    "i16": torch.int16,
    "i32": torch.int32,
    "i64": torch.int64,
    "bool": torch.bool,
}
_NAMES = {dtype: name for name, dtype in _DTYPES.items()}


def run_cases(*, source: str, class_name: str, folder: str, cases: list[dict[str, Any]], seed: int) -> int:
    """Run ``cases`` in order, in one process and one import of the file.

    Args:
        source: path of the file to import.
        class_name: ``ModelNew``, or ``Model`` of a reference.
        folder: where each case has a folder of its name with its inputs.
        cases: see :func:`tilewright.prove.session.case_arguments` for the keys.
        seed: for torch's generator, before the model is made and before each call.

    Returns:
        The number of cases that ran, as a claim.

    Raises:
        RuntimeError: this process imported Triton without its interpreter.
        Exception: whatever importing the file raises.
    """
    if not isinstance(standard.sum, InterpretedFunction):
        raise RuntimeError("this worker imported triton without TRITON_INTERPRET=1")
    torch.set_num_threads(1)
    with torch.no_grad(), device.cuda_on_cpu(), tuning.see_through_autotune() as tuned:
        runner = _runner(source, class_name, seed)
        for case in cases:
            runner.run(case, Path(folder), tuned)
    return len(cases)


def initial_state(*, source: str, class_name: str, seed: int, folder: str, init: list[Any]) -> int:
    """Make the model and write its parameters and buffers, floats as float64, into ``folder``."""
    with torch.no_grad(), device.cuda_on_cpu():
        model = _runner(source, class_name, seed).make(init)
        state = dict(model.state_dict()) if isinstance(model, torch.nn.Module) else {}
        plain = {name: value.double() if value.is_floating_point() else value for name, value in state.items()}
        told = {"state": _save_all(Path(folder), "state", plain)}
    (Path(folder) / "result.json").write_text(json.dumps(told))
    return len(state)


_runners: dict[tuple[str, str], _Runner] = {}


def _runner(source: str, class_name: str, seed: int) -> _Runner:
    """One import of a file in the life of this process, so that what it leaves behind is met by later calls."""
    key = (source, class_name)
    if key not in _runners:
        module = _import(Path(source))
        if not hasattr(module, class_name):
            raise AttributeError(f"the file has no class {class_name}")
        _runners[key] = _Runner(getattr(module, class_name), seed, source)
    return _runners[key]


def _import(path: Path) -> Any:
    name = f"tilewright_case_{path.stem}"
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise ImportError(f"{path.name} is no Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    # kernels are read back from the file by inspect, which keeps earlier files' lines under the same path
    linecache.checkcache(str(path))
    spec.loader.exec_module(module)
    return module


class _Runner:
    """One imported file with the models made of it."""

    def __init__(self, model_class: Any, seed: int, source: str) -> None:
        self.model_class, self.seed, self.source = model_class, seed, source
        self.models: dict[str, Any] = {}

    def run(self, case: dict[str, Any], folder: Path, tuned: tuning.Tuning) -> None:
        """Run one case and write how it ended."""
        folder = folder / case["name"]
        # processor time: what else the machine does must not decide which problems are affordable
        began = time.process_time()
        try:
            result = self._run(case, folder, tuned) | {"elapsed_s": time.process_time() - began}
        except Exception as error:
            result = {"error": _root(error), "line": _line_in(self.source, error)}
        (folder / "result.part").write_text(json.dumps(result))
        (folder / "result.part").rename(folder / "result.json")

    def _run(self, case: dict[str, Any], folder: Path, tuned: tuning.Tuning) -> dict[str, Any]:
        model = self._model(case, folder)
        inputs = [_input(folder, index, spec) for index, spec in enumerate(case["inputs"])]
        tensors = [(f"input {i}", value) for i, value in enumerate(inputs) if isinstance(value, torch.Tensor)]
        state = list(model.state_dict(keep_vars=True).items()) if isinstance(model, torch.nn.Module) else []
        tuned.reset(case["config"], case["first_call"])
        torch.manual_seed(self.seed)
        named = case["arithmetic"]
        rule = contextlib.nullcontext() if named == "float64" else arithmetic.arithmetic(named)
        with rule, bounds.lasting([*tensors, *state]):
            outputs = model(*inputs)
        leaves: dict[str, Any] = {}
        _flatten("output", outputs, leaves)
        return {
            "outputs": _save_all(folder, "output", leaves),
            "inputs": _save_all(folder, "input", dict(tensors)),
            "state": _save_all(folder, "state", {f"state {name}": value for name, value in state}),
            "configurations": dict(tuned.counts),
        }

    def make(self, init: list[Any]) -> Any:
        """A fresh model."""
        torch.manual_seed(self.seed)
        model = self.model_class(*(tuple(value) if isinstance(value, list) else value for value in init))
        if isinstance(model, torch.nn.Module):
            _fill_unset(model, self.seed)
        return model

    def _model(self, case: dict[str, Any], folder: Path) -> Any:
        key = case["instance"]
        if key not in self.models:
            model = self.make(case["init"])
            if isinstance(model, torch.nn.Module):
                if case["cast"] is not None:
                    model.to(_DTYPES[case["cast"]])
                _load_state(model, folder, case["state"])
            self.models[key] = model
        return self.models[key]


def _fill_unset(model: torch.nn.Module, seed: int) -> None:
    """Give parameters that the file leaves as ``torch.empty`` values that can be compared."""
    generator = torch.Generator().manual_seed(seed)
    for value in model.state_dict(keep_vars=True).values():
        if value.is_floating_point() and bool(torch.isnan(value).any()):
            value.data.copy_(torch.randn(value.shape, generator=generator))


def _load_state(model: torch.nn.Module, folder: Path, names: list[str]) -> None:
    """Copy the original's state where name and shape agree."""
    own = model.state_dict(keep_vars=True)
    for index, name in enumerate(names):
        if name in own:
            values = torch.from_numpy(np.load(folder / f"given_state_{index}.npy", allow_pickle=False).copy())
            if values.shape == own[name].shape:
                own[name].data.copy_(values)


def _input(folder: Path, index: int, spec: dict[str, Any]) -> Any:
    if "value" in spec:
        return spec["value"]
    dtype = _DTYPES[spec["dtype"]]
    values = torch.from_numpy(np.load(folder / f"given_{index}.npy", allow_pickle=False).copy()).to(dtype)
    offset = spec.get("offset", 0)
    if spec["strides"] is None and not offset:
        return values
    strides = values.contiguous().stride() if spec["strides"] is None else tuple(spec["strides"])
    extent = offset + 1 + sum((size - 1) * stride for size, stride in zip(values.shape, strides, strict=True))
    storage = device.poison(torch.zeros(max(extent, 1), dtype=dtype))
    # an expanded dimension is one place in memory, which may be written once only
    once = tuple(slice(0, 1) if stride == 0 else slice(None) for stride in strides)
    storage.as_strided(values[once].shape, strides, offset).copy_(values[once])
    return storage.as_strided(values.shape, strides, offset)


def _flatten(name: str, value: Any, leaves: dict[str, Any]) -> None:
    if isinstance(value, list | tuple):
        for index, item in enumerate(value):
            _flatten(f"{name}[{index}]", item, leaves)
    elif isinstance(value, dict):
        for key, item in value.items():
            _flatten(f"{name}[{key!r}]", item, leaves)
    else:
        leaves[name] = value


def _save_all(folder: Path, kind: str, values: dict[str, Any]) -> list[dict[str, Any]]:
    saved: list[dict[str, Any]] = []
    for index, (name, value) in enumerate(values.items()):
        if not isinstance(value, torch.Tensor):
            saved.append({"name": name, "value": repr(value)[:200]})
            continue
        plain = value.detach()
        dtype = _NAMES.get(plain.dtype, str(plain.dtype))
        file = f"{kind}_{index}.npy"
        contiguous = bool(plain.is_contiguous())
        raw = plain.contiguous()
        np.save(folder / file, (raw.view(torch.int16) if dtype == "bf16" else raw).numpy(), allow_pickle=False)
        saved.append({"name": name, "dtype": dtype, "file": file, "contiguous": contiguous})
    return saved


def _root(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    first = str(error).strip().splitlines()
    return f"{type(error).__name__}: {first[0] if first else ''}"[:400]


def _line_in(source: str, error: BaseException | None) -> int | None:
    line = None
    while error is not None:
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.filename == source:
                line = frame.lineno
        error = error.__cause__
    return line
