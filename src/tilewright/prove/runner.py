"""Run one file's cases on prepared inputs: worker side, the same for the interpreter and for a GPU.

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
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch

from tilewright.prove import generate, tuning
from tilewright.prove.arrays import DTYPES, copies, count_differing, flatten, load, named, refilled, save_all
from tilewright.prove.instance import Instance, fill_unset, load_state
from tilewright.prove.physics_probe import needed_inputs, written_bytes
from tilewright.prove.pieces import find_split, run_halving
from tilewright.prove.runner_words import NO_SUCH_STATE
from tilewright.prove.structure.snapshot import preload
from tilewright.prove.structure.watch import Watch, odd_tensors

_SCRIPTED = "failed in the TorchScript interpreter"
_MANY_CALLS = 24
"""Calls of a worn model before the one that is looked at."""


class StickyError(Exception):
    """The device's context is lost: nothing more can run in this process."""


class Backend(Protocol):
    """Where cases run."""

    device: str

    def reseed(self, seed: int) -> None:
        """Set PyTorch's generators of this device, and no others: looking for those takes milliseconds."""

    def place(self, values: torch.Tensor, strides: list[int] | None, offset: int, name: str) -> torch.Tensor:
        """``values`` on the device, in the stated layout, in memory whose surroundings are known."""

    def call(self, arithmetic: str, tensors: list[tuple[str, torch.Tensor]]) -> AbstractContextManager[None]:
        """Around one call: fresh memory holds poison; ``tensors`` may be touched by every kernel."""

    def settle(self) -> dict[str, Any]:
        """After a call: wait for the whole device and say what the call did to memory outside its tensors."""

    def time(self, call: Callable[[], Any]) -> dict[str, Any]:
        """How long ``call`` takes; empty where that means nothing."""

    def lost(self, error: BaseException) -> bool:
        """Whether ``error`` left a device that cannot be used any more."""


class Runner:
    """One imported file with the models made of it."""

    def __init__(self, source: str, class_name: str, seed: int, backend: Backend) -> None:
        self.source, self.seed, self.backend = source, seed, backend
        # what the file replaces while it is imported is to be seen too
        self.watch = Watch(source)
        module = _import(Path(source))
        if not hasattr(module, class_name):
            raise AttributeError(f"the file has no class {class_name}")
        self.module, self.model_class = module, getattr(module, class_name)
        self.instances: dict[str, Instance] = {}
        self.parts_s: dict[str, float] = {}
        """Seconds of each part of the case that runs; for whoever wants to make it faster."""
        self.looked_at: set[str] = set()
        """Cases after which everything is compared with how it was: what was replaced stays so."""

    def run(self, case: dict[str, Any], folder: Path, tuned: tuning.Tuning) -> None:
        """Run one case and write how it ended.

        Raises:
            StickyError: nothing more can run here; the case's end is written.
        """
        folder = folder / case["name"]
        # processor time: what else the machine does must not decide which problems are affordable
        began, lost = time.process_time(), False
        self.parts_s.clear()
        try:
            result = self._run(case, folder, tuned) | {"elapsed_s": time.process_time() - began}
            result["parts_s"] = {part: round(seconds, 4) for part, seconds in self.parts_s.items()}
        except Exception as error:
            lost = self.backend.lost(error)
            result = {"error": _root(error), "line": _line_in(self.source, error), "kind": _kind(error, lost)}
        (folder / "result.part").write_text(json.dumps(result))
        (folder / "result.part").rename(folder / "result.json")
        if lost:
            raise StickyError

    def _run(self, case: dict[str, Any], folder: Path, tuned: tuning.Tuning) -> dict[str, Any]:
        if case["arithmetic"] != "float64" or case["generate"] is None:
            return self._call(case, folder, tuned)
        with contextlib.suppress(torch.OutOfMemoryError):
            return self._call(case, folder, tuned)
        # outside the block above, whose frames held the tensors
        self.backend.settle()
        return self._in_pieces(case, folder)

    def _in_pieces(self, case: dict[str, Any], folder: Path) -> dict[str, Any]:
        """The exact answer of a call that does not fit the device: slices widened one after the other."""
        told, model = case["generate"], self._instance(case, folder).model
        plain = [spec.get("value") for spec in case["inputs"]]

        def made(of: dict[str, Any]) -> list[Any]:
            return [
                value if "value" in spec else generate.values(of, index, self.backend.device)
                for index, (spec, value) in enumerate(zip(case["inputs"], plain, strict=True))
            ]

        inputs = made(told)
        split = find_split(model, made(told | {"specs": told["small"]}), inputs=inputs) if told["small"] else None
        arrays, how = run_halving(model, inputs, split, device=self.backend.device)
        leaves = {name: torch.from_numpy(np.ascontiguousarray(value)) for name, value in arrays.items()}
        saved = save_all(folder, "output", leaves, int(told["places"]))
        return {"outputs": saved, "inputs": [], "state": [], "seen": {"how": how}}

    @contextlib.contextmanager
    def _timed(self, part: str) -> Iterator[None]:
        began = time.perf_counter()
        try:
            yield
        finally:
            self.parts_s[part] = self.parts_s.get(part, 0.0) + time.perf_counter() - began

    def _call(self, case: dict[str, Any], folder: Path, tuned: tuning.Tuning) -> dict[str, Any]:
        with self._timed("model"):
            instance = self._instance(case, folder)
        model, probe = instance.model, case["probe"]
        with self._timed("inputs"):
            inputs = [self._input(case, folder, index) for index in range(len(case["inputs"]))]
            if probe == "refilled":
                inputs = refilled(instance.inputs, inputs)
        tuned.reset(case["config"], case["first_call"])
        if case["needs_state"]:
            self._change_state(case, folder, instance, inputs)
        self.backend.reseed(self.seed)
        with instance.buffers(probe, case["continues"]):
            if probe == "timed":
                with self._timed("clock"):
                    times = self.backend.time(lambda: model(*inputs))
                return {"times": times, "outputs": [], "inputs": [], "state": []}
            with (
                self._timed("around"),
                self.backend.call(case["arithmetic"], [*named(inputs), *instance.state().items()]),
            ):
                if probe == "worn":
                    for _ in range(_MANY_CALLS):
                        model(*(instance.inputs or inputs))
                    instance.rewind()
                    inputs = refilled(instance.inputs, inputs)
                with self._timed("call"), self.watch.call(no_op=probe == "no_op"):
                    outputs = model(*inputs)
                with self._timed("settle"):
                    memory = self.backend.settle()
            with self._timed("told"):
                return self._told(case, folder, instance, inputs, outputs, tuned) | {"memory": memory}

    def _told(
        self,
        case: dict[str, Any],
        folder: Path,
        instance: Instance,
        inputs: list[Any],
        outputs: Any,
        tuned: tuning.Tuning,
    ) -> dict[str, Any]:
        """Write the arrays of a call that came to an end, and say what is where."""
        leaves: dict[str, Any] = {}
        flatten("output", outputs, leaves)
        kept = instance.outputs if case["probe"] == "refilled" else {}
        seed = None if case["generate"] is None else int(case["generate"]["places"])
        tensors = dict(named(inputs))
        state = instance.state()
        told = {
            "outputs": save_all(folder, "output", leaves, seed),
            "kept": save_all(folder, "kept", kept, seed),
            "inputs": [] if case["generate"] else save_all(folder, "input", tensors, None),
            "changed": self._changed(case, inputs),
            "state": save_all(folder, "state", {f"state {name}": value for name, value in state.items()}, seed),
            "configurations": dict(tuned.counts),
            "seen": self.watch.seen(look=case["name"] in self.looked_at),
            "odd": odd_tensors(outputs),
            "written_bytes": written_bytes(outputs, [*tensors.values(), *state.values()]),
        }
        if case["probe"] != "no_op":
            instance.inputs, instance.outputs = inputs, leaves
        return told

    def needed(self, case: dict[str, Any], folder: Path) -> dict[str, float]:
        """Which part of each input the answer depends on, at least; see :func:`physics_probe.needed_inputs`."""
        model = self._instance(case, folder).model
        inputs = [self._input(case, folder, index) for index in range(len(case["inputs"]))]
        return dict(needed_inputs(model, inputs))

    def own_inputs(self, folder: Path) -> list[dict[str, Any]]:
        """Write what the file's ``get_inputs`` returns."""
        self.backend.reseed(self.seed)
        values = {f"input {index}": value for index, value in enumerate(self.module.get_inputs())}
        return save_all(folder, "given", values, None)

    def make(self, init: list[Any]) -> Any:
        """A fresh model on the backend's device."""
        self.backend.reseed(self.seed)
        model = self.model_class(*(tuple(value) if isinstance(value, list) else value for value in init))
        if isinstance(model, torch.nn.Module):
            model.to(self.backend.device)
            fill_unset(model, self.seed)
        return model

    def _instance(self, case: dict[str, Any], folder: Path) -> Instance:
        key = case["instance"]
        if key not in self.instances:
            model = self.make(case["init"])
            if isinstance(model, torch.nn.Module):
                if case["cast"] is not None:
                    model.to(DTYPES[case["cast"]])
                if not case["needs_state"]:
                    load_state(model, folder, case["state"])
            self.instances[key] = Instance(model)
        return self.instances[key]

    def _change_state(self, case: dict[str, Any], folder: Path, instance: Instance, inputs: list[Any]) -> None:
        """Call the model as it was made, then give it other parameters: what it kept of the old ones is stale now."""
        with self.backend.call(case["arithmetic"], named(inputs)):
            instance.model(*copies(inputs))
            self.backend.settle()
        instance.rewind()
        if isinstance(instance.model, torch.nn.Module):
            own = instance.state()
            missing = [name for name in case["state"] if name not in own]
            if missing:
                raise LookupError(f"{NO_SUCH_STATE}: {missing[0]}")
            load_state(instance.model, folder, case["state"])

    def _input(self, case: dict[str, Any], folder: Path, index: int) -> Any:
        spec = case["inputs"][index]
        if "value" in spec:
            return spec["value"]
        if case["generate"] is not None:
            values = generate.values(case["generate"], index, self.backend.device)
        else:
            values = load(folder / f"given_{index}.npy")
        return self.backend.place(values.to(DTYPES[spec["dtype"]]), spec["strides"], spec["offset"], f"input {index}")

    def _changed(self, case: dict[str, Any], inputs: list[Any]) -> dict[str, int]:
        """Elements of generated inputs that the call changed: made once more and compared bit by bit."""
        if case["generate"] is None or case["probe"] == "no_op":
            return {}
        changed = {}
        for index, (spec, value) in enumerate(zip(case["inputs"], inputs, strict=True)):
            if isinstance(value, torch.Tensor):
                given = generate.values(case["generate"], index, self.backend.device).to(DTYPES[spec["dtype"]])
                changed[f"input {index}"] = count_differing(value, given)
        return changed


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


def _kind(error: BaseException, lost: bool) -> str:
    if lost:
        return "crashed"
    # the CPU's allocator has no exception of its own
    short = isinstance(error, MemoryError | torch.OutOfMemoryError) or "can't allocate memory" in str(error)
    # nor does an error keep its type on its way through TorchScript
    short = short or (_SCRIPTED in str(error) and "out of memory" in str(error))
    return "out_of_memory" if short else "raised"


def _root(error: BaseException) -> str:
    while error.__cause__ is not None:
        error = error.__cause__
    lines = str(error).strip().splitlines() or [""]
    # TorchScript says first that something failed, and last what did
    said = f"{lines[0]} {lines[-1].strip()}" if _SCRIPTED in lines[0] and len(lines) > 1 else lines[0]
    return f"{type(error).__name__}: {said}"[:400]


def _line_in(source: str, error: BaseException | None) -> int | None:
    line = None
    while error is not None:
        for frame in traceback.extract_tb(error.__traceback__):
            if frame.filename == source:
                line = frame.lineno
        error = error.__cause__
    return line


# with the worker's other imports, and not out of the first candidate's time
preload()

_runners: dict[tuple[str, str], Runner] = {}


def runner_of(source: str, class_name: str, seed: int, backend: Backend) -> Runner:
    """One import of a file in the life of this process, so that what it leaves behind is met by later calls."""
    key = (source, class_name)
    if key not in _runners:
        _runners[key] = Runner(source, class_name, seed, backend)
    return _runners[key]


def forget(source: str) -> None:
    """Drop a file's models and tensors."""
    for key in [key for key in _runners if key[0] == source]:
        _runners.pop(key).watch.close()


def run_all(runner: Runner, folder: str, cases: list[dict[str, Any]], tuned: tuning.Tuning, watched: bool) -> int:
    """Run ``cases`` in order, and say how many ended: a claim, as all that comes from here.

    ``watched``: whether to look for what the file replaces; not where the user vouches for it.
    """
    runner.looked_at = {case["name"] for case in (*cases[:1], *cases[-1:])} if watched else set()
    for count, case in enumerate(cases):
        try:
            runner.run(case, Path(folder), tuned)
        except StickyError:
            return count + 1
    return len(cases)


def write_state(runner: Runner, folder: str, init: list[Any]) -> int:
    """Make the model and write its parameters and buffers, floats as float64, into ``folder``."""
    model = runner.make(init)
    state = dict(model.state_dict()) if isinstance(model, torch.nn.Module) else {}
    plain = {name: value.double() if value.is_floating_point() else value for name, value in state.items()}
    parameters = [name for name, _ in model.named_parameters()] if isinstance(model, torch.nn.Module) else []
    told = {"state": save_all(Path(folder), "state", plain, None), "parameters": parameters}
    (Path(folder) / "result.json").write_text(json.dumps(told))
    return len(state)


def write_needed(runner: Runner, folder: str, case: dict[str, Any]) -> dict[str, float]:
    """See :meth:`Runner.needed`."""
    return runner.needed(case, Path(folder) / case["name"])


def write_own_inputs(runner: Runner, folder: str) -> int:
    """Write the values of the file's own generator into ``folder``, and say how many there are."""
    told = {"state": runner.own_inputs(Path(folder)), "parameters": []}
    (Path(folder) / "result.json").write_text(json.dumps(told))
    return len(told["state"])
