"""Run a file's cases in a worker and read back raw arrays: parent side."""

from __future__ import annotations

import hashlib
import itertools
import shutil
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tilewright.prove import spill
from tilewright.prove.halves import Array
from tilewright.prove.inputs import Value, python_value
from tilewright.prove.results import Result, State, read_result, read_state
from tilewright.records.problem import Problem
from tilewright.workers import Outcome, Worker

INTERPRETER, CUDA = "tilewright.prove.job", "tilewright.prove.cuda.job"
"""Modules of the jobs; which one a worker can run is decided by its environment when it starts."""
ENVIRONMENT = {"TRITON_INTERPRET": "1", "TRITON_DEFAULT_FP_FUSION": "1"}
"""What a worker must be started with to run the interpreter's jobs."""
_FORGET_LIMIT_S = 10.0
MODELLED, WIDENED, FLOAT64 = "modelled", "widened", "float64"
FRESH, REFILLED, REPEAT, NO_OP, WORN, TIMED = "fresh", "refilled", "repeat", "no_op", "worn", "timed"
"""What a call is: with new tensors; with the last call's tensors, refilled in place; once more with the last call's
values; with kernels that do nothing; after many calls with the same tensors; many times, for the clock."""

Values = Sequence[Value]
"""One entry for each of forward's arguments."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Generated:
    """Values that each worker makes for itself, because they are too many to send."""

    distribution: str
    seed: int
    salt: str
    dtypes: tuple[str, ...]
    """Of each of forward's arguments, as the values are drawn; a case may widen them afterwards."""
    moved_by: float = 0.0
    """Relative change of every element, up or down: for measuring how the answer is conditioned."""
    small: Problem | None = None
    """A small problem of the same kind, to find out how the large one falls into pieces where it does not fit."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Host:
    """A worker with the jobs that it can run."""

    worker: Worker
    jobs: str = INTERPRETER


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One call of the model."""

    name: str
    problem: Problem
    instance: str
    """Calls of one instance go to one model object, in order."""
    dtypes: tuple[str, ...]
    """Of each of forward's arguments as the tensors are to be made."""
    cast: str | None
    """Dtype to cast the model's parameters to, or ``None`` to leave them."""
    values: Values | Generated
    arithmetic: str
    contiguous: bool = False
    """Ignore the problem's strides: the oracle sees values, not layouts."""
    state: dict[str, Array] = field(default_factory=dict)
    config: int = 0
    """Autotune configuration to run, counted from 0."""
    first_call: bool = False
    """Run all configurations before, as a tuner does when it meets a shape."""
    probe: str = FRESH
    continues: bool = False
    """Whether buffers are as the instance's last call left them; otherwise they are those of a fresh model."""
    needs_state: bool = False
    """Whether a model that lacks one of ``state``'s names cannot make the call."""


class Session:
    """One file in one worker, until :meth:`close`."""

    _numbers = itertools.count()

    def __init__(
        self, host: Host, text: str, class_name: str, *, seed: int, timeout_s: float, watched: bool = True
    ) -> None:
        self._watched = watched
        self.parts_s: dict[str, float] = {"write": 0.0, "job": 0.0, "read": 0.0}
        """Seconds that were spent on each part so far: what goes to the worker, its work, and what comes back."""
        # torch.initial_seed() tells a file this one, and from it no other
        self._host, self._class_name, self._seed = host, class_name, derived(seed, "model")
        self._left_s, self._used = timeout_s, False
        self._folder = Path(host.worker.folder) / f"proof_{next(self._numbers)}"
        self._folder.mkdir()
        self._source = self._folder / f"{self._folder.name}_source.py"
        self._source.write_text(text)

    def close(self) -> None:
        """Remove all arrays of this session, and what the worker holds of it."""
        if self._host.worker.pid is not None and self._used:
            self._host.worker.call(
                f"{self._host.jobs}:forget", {"source": str(self._source)}, timeout_s=_FORGET_LIMIT_S
            )
        shutil.rmtree(self._folder, ignore_errors=True)

    def initial_state(self, init_arguments: Sequence[object]) -> State | Result:
        """Parameters and buffers of a fresh model; or, where it cannot be made, how that ended."""
        return self._written("initial_state", {"init": [_json(value) for value in init_arguments]})

    def own_inputs(self) -> dict[str, Array]:
        """What the file's ``get_inputs`` returns, by argument (``input 0``); empty where that does not work."""
        found = self._written("own_inputs", {})
        return {} if isinstance(found, Result) else found.values

    def _written(self, job: str, arguments: dict[str, Any]) -> State | Result:
        """Arrays that a job writes into a folder of its own."""
        folder = self._folder / job
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        outcome = self._call(job, {**self._common(), **arguments, "folder": str(folder)})
        found = _failed(outcome) if outcome.kind != "returned" else read_state(folder)
        shutil.rmtree(folder, ignore_errors=True)
        return found

    def run(self, cases: Sequence[Case], *, stop_at_crash: bool = False) -> dict[str, Result]:
        """Run ``cases``; the name of each leads to how it ended.

        After a crash the rest goes to a fresh process, unless ``stop_at_crash``; after the time is up nothing runs.
        """
        results: dict[str, Result] = {}
        remaining = list(cases)
        while remaining:
            outcome, ended = self._run_some(remaining)
            results.update(ended)
            remaining = remaining[len(ended) :]
            if not remaining:
                if outcome.kind != "returned":
                    # all that it did is written, and then it did not come back
                    results[cases[-1].name] = _failed(outcome)
                break
            if (lost := list(ended.values())[-1:]) and lost[0].kind == "crashed":
                # the case told how the device was lost; only a new process has a new one
                self._host.worker.restart()
                if not stop_at_crash:
                    continue
            else:
                results[remaining[0].name] = _failed(outcome)
                remaining = remaining[1:]
            file_fails = outcome.kind in ("raised", "returned") and not lost
            if file_fails or stop_at_crash or outcome.kind == "timed_out":
                kind = outcome.kind if file_fails else "not_run"
                rest = _failed(outcome) if kind == "raised" else Result(kind="not_run", error="an earlier case failed")
                results.update({case.name: rest for case in remaining})
                break
        return results

    def needed_inputs(self, case: Case) -> dict[str, float]:
        """Which part of each input (``input 0``) the answer depends on, at least; empty where that cannot be told."""
        self._prepare(case)
        told = {"folder": str(self._folder), "case": case_arguments(case)}
        outcome = self._call("needed_inputs", {**self._common(), **told})
        if outcome.kind != "returned" or not isinstance(outcome.value, dict):
            return {}
        return {str(name): min(1.0, float(part)) for name, part in outcome.value.items()}

    def _run_some(self, cases: Sequence[Case]) -> tuple[Outcome, dict[str, Result]]:
        """One job over ``cases``: how it ended, and what became of those that came to an end."""
        began = time.monotonic()
        for case in cases:
            self._prepare(case)
        self.parts_s["write"] += time.monotonic() - began
        told = {"folder": str(self._folder), "cases": [case_arguments(case) for case in cases]}
        outcome = self._call("run_cases", {**self._common(), **told, "watched": self._watched})
        self.parts_s["job"] += outcome.elapsed_s
        began = time.monotonic()
        ended: dict[str, Result] = {}
        for case in cases:
            result = read_result(self._folder / case.name, _sent(case))
            if result is None:
                break
            ended[case.name] = result
        for name in ended:
            shutil.rmtree(self._folder / name, ignore_errors=True)
        self.parts_s["read"] += time.monotonic() - began
        return outcome, ended

    def _common(self) -> dict[str, Any]:
        return {"source": str(self._source), "class_name": self._class_name, "seed": self._seed}

    def _call(self, job: str, arguments: dict[str, Any]) -> Outcome:
        """One job out of this file's time; the start of a process is not the file's doing and does not count."""
        name, self._used = f"{self._host.jobs}:{job}", True
        outcome = self._host.worker.call(name, arguments, timeout_s=max(0.05, self._left_s))
        self._left_s -= outcome.elapsed_s
        return outcome

    def _prepare(self, case: Case) -> None:
        folder = self._folder / case.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for index, value in enumerate(() if isinstance(case.values, Generated) else case.values):
            if isinstance(value, np.ndarray):
                spill.write(value, folder / f"given_{index}.npy")
        for index, value in enumerate(case.state.values()):
            np.save(folder / f"given_state_{index}.npy", value, allow_pickle=False)


def _sent(case: Case) -> dict[str, Array]:
    """The tensors among forward's arguments that the parent wrote, by name."""
    if isinstance(case.values, Generated):
        return {}
    return {f"input {i}": value for i, value in enumerate(case.values) if isinstance(value, np.ndarray)}


def case_arguments(case: Case) -> dict[str, Any]:
    """What the job is told of ``case``, as JSON values; the arrays lie in the case's folder."""
    inputs: list[dict[str, Any]] = []
    for spec, dtype in zip(case.problem.inputs, case.dtypes, strict=True):
        if spec.dtype == "python":
            inputs.append({"value": python_value(spec)})
        else:
            strides = None if case.contiguous else spec.strides
            inputs.append({"dtype": dtype, "strides": strides, "offset": 0 if case.contiguous else spec.offset})
    return {
        "name": case.name,
        "instance": case.instance,
        "init": [_json(value) for value in case.problem.init_arguments],
        "inputs": inputs,
        "generate": _generate(case),
        "cast": case.cast,
        "arithmetic": case.arithmetic,
        "state": list(case.state),
        "config": case.config,
        "first_call": case.first_call,
        "probe": case.probe,
        "continues": case.continues,
        "needs_state": case.needs_state,
    }


def _generate(case: Case) -> dict[str, Any] | None:
    if not isinstance(case.values, Generated):
        return None
    told = case.values
    small = [] if told.small is None else _specs(told.small, told.dtypes)
    return {
        "specs": _specs(case.problem, told.dtypes),
        "small": small,
        "distribution": told.distribution,
        "seed": derived(told.seed, "values"),
        "places": derived(told.seed, "places"),
        "salt": told.salt,
        "moved_by": told.moved_by,
    }


def derived(seed: int, purpose: str) -> int:
    """Another seed for each purpose, of which none tells another."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{purpose}".encode()).digest()[:7], "little")


def _specs(problem: Problem, dtypes: Sequence[str]) -> list[dict[str, Any]]:
    return [
        {} if spec.dtype == "python" else {"shape": list(spec.shape), "dtype": dtype}
        for spec, dtype in zip(problem.inputs, dtypes, strict=True)
    ]


def _json(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _failed(outcome: Outcome) -> Result:
    words = f"{outcome.error_type}: {outcome.message}" if outcome.kind == "raised" else outcome.message
    if outcome.kind == "returned":
        return Result(kind="crashed", error="the worker said that it was done, and left no result")
    return Result(kind=outcome.kind, error=" ".join(words.split())[:400])
