"""Run a file's cases in a worker and read back raw arrays: parent side.

What comes back is a claim of untrusted code in an untrusted format, so it is parsed narrowly: JSON with known keys,
``.npy`` without pickles, bounded sizes. Comparing happens elsewhere, on arrays alone.
"""

from __future__ import annotations

import itertools
import json
import shutil
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from tilewright.prove.halves import Array, from_bfloat16_bits
from tilewright.prove.inputs import Value
from tilewright.records.problem import Problem
from tilewright.workers import Outcome, Worker

JOB = "tilewright.prove.job:run_cases"
STATE_JOB = "tilewright.prove.job:initial_state"
ENVIRONMENT = {"TRITON_INTERPRET": "1", "TRITON_DEFAULT_FP_FUSION": "1"}
"""What a worker must be started with to run this room's jobs."""
MODELLED, WIDENED, FLOAT64 = "modelled", "widened", "float64"
_LARGEST_ARRAY_BYTES = 1 << 28
_POISON_BITS = {"f32": 0x7FC5AA5A, "f16": 0x7E5A, "bf16": 0x7FDA, "f64": 0x7FF8AA5A_5AAA5AAA}

Values = Sequence[Value]
"""One entry for each of forward's arguments."""


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
    values: Values
    arithmetic: str
    contiguous: bool = False
    """Ignore the problem's strides: the oracle sees values, not layouts."""
    state: dict[str, Array] = field(default_factory=dict)
    config: int = 0
    first_call: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Leaf:
    """One tensor, or other value, that came back."""

    name: str
    dtype: str = ""
    contiguous: bool = True
    values: Array | None = None
    unwritten: int = 0
    """Elements that still hold the poison of fresh memory."""
    text: str = ""
    """What a value that is no tensor prints as."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Result:
    """How one case ended."""

    kind: str
    """``ran``, ``raised``, ``crashed``, ``out_of_memory``, ``timed_out`` or ``not_run``."""
    error: str = ""
    line: int | None = None
    outputs: dict[str, Leaf] = field(default_factory=dict)
    inputs: dict[str, Leaf] = field(default_factory=dict)
    state: dict[str, Leaf] = field(default_factory=dict)
    configurations: dict[str, int] = field(default_factory=dict)
    elapsed_s: float = 0.0
    """Processor seconds that the call took, as the worker says."""

    @property
    def ran(self) -> bool:
        """Whether there is something to compare."""
        return self.kind == "ran"


class Session:
    """One file in one worker, until :meth:`close`."""

    _numbers = itertools.count()

    def __init__(self, worker: Worker, text: str, class_name: str, *, seed: int, timeout_s: float) -> None:
        self._worker, self._class_name, self._seed = worker, class_name, seed
        self._left_s = timeout_s
        self._folder = Path(worker.folder) / f"proof_{next(self._numbers)}"
        self._folder.mkdir()
        self._source = self._folder / f"{self._folder.name}_source.py"
        self._source.write_text(text)

    def close(self) -> None:
        """Remove all arrays of this session."""
        shutil.rmtree(self._folder, ignore_errors=True)

    def initial_state(self, init_arguments: Sequence[object]) -> dict[str, Array] | Result:
        """Parameters and buffers of a fresh model; or, where it cannot be made, how that ended."""
        folder = self._folder / "initial"
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        arguments = {**self._common(), "init": [_json(value) for value in init_arguments], "folder": str(folder)}
        outcome = self._call(STATE_JOB, arguments)
        if outcome.kind != "returned":
            return _failed(outcome)
        leaves = _read_leaves(folder, json.loads((folder / "result.json").read_text()).get("state"))
        return {name: leaf.values for name, leaf in leaves.items() if leaf.values is not None}

    def run(self, cases: Sequence[Case], *, stop_at_crash: bool = False) -> dict[str, Result]:
        """Run ``cases``; the name of each leads to how it ended.

        After a crash the rest goes to a fresh process, unless ``stop_at_crash``; after the time is up nothing runs.
        """
        results: dict[str, Result] = {}
        remaining = list(cases)
        while remaining:
            for case in remaining:
                self._prepare(case)
            arguments = {
                **self._common(),
                "folder": str(self._folder),
                "cases": [case_arguments(case) for case in remaining],
            }
            outcome = self._call(JOB, arguments)
            done = 0
            for case in remaining:
                result = _read(self._folder / case.name)
                if result is None:
                    break
                results[case.name] = result
                done += 1
            for case in remaining[:done]:
                shutil.rmtree(self._folder / case.name, ignore_errors=True)
            remaining = remaining[done:]
            if not remaining:
                break
            results[remaining[0].name] = _failed(outcome)
            file_fails = outcome.kind in ("raised", "returned")
            if file_fails or stop_at_crash or outcome.kind == "timed_out":
                kind = outcome.kind if file_fails else "not_run"
                rest = _failed(outcome) if kind == "raised" else Result(kind="not_run", error="an earlier case failed")
                results.update({case.name: rest for case in remaining[1:]})
                break
            remaining = remaining[1:]
        return results

    def _common(self) -> dict[str, Any]:
        return {"source": str(self._source), "class_name": self._class_name, "seed": self._seed}

    def _call(self, job: str, arguments: dict[str, Any]) -> Outcome:
        """One job out of this file's time; the start of a process is not the file's doing and does not count."""
        outcome = self._worker.call(job, arguments, timeout_s=max(0.05, self._left_s))
        self._left_s -= outcome.elapsed_s
        return outcome

    def _prepare(self, case: Case) -> None:
        folder = self._folder / case.name
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        for index, value in enumerate(case.values):
            if isinstance(value, np.ndarray):
                np.save(folder / f"given_{index}.npy", value, allow_pickle=False)
        for index, value in enumerate(case.state.values()):
            np.save(folder / f"given_state_{index}.npy", value, allow_pickle=False)


def case_arguments(case: Case) -> dict[str, Any]:
    """What the job is told of ``case``, as JSON values; the arrays lie in the case's folder."""
    inputs: list[dict[str, Any]] = []
    for spec, dtype, value in zip(case.problem.inputs, case.dtypes, case.values, strict=True):
        if isinstance(value, np.ndarray):
            layout = (None, 0) if case.contiguous else (spec.strides, spec.offset)
            inputs.append({"dtype": dtype, "strides": layout[0], "offset": layout[1]})
        else:
            inputs.append({"value": value})
    return {
        "name": case.name,
        "instance": case.instance,
        "init": [_json(value) for value in case.problem.init_arguments],
        "inputs": inputs,
        "cast": case.cast,
        "arithmetic": case.arithmetic,
        "state": list(case.state),
        "config": case.config,
        "first_call": case.first_call,
    }


def _json(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _failed(outcome: Outcome) -> Result:
    words = f"{outcome.error_type}: {outcome.message}" if outcome.kind == "raised" else outcome.message
    if outcome.kind == "returned":
        return Result(kind="crashed", error="the worker said that it was done, and left no result")
    return Result(kind=outcome.kind, error=" ".join(words.split())[:400])


def _read(folder: Path) -> Result | None:
    file = folder / "result.json"
    try:
        told = json.loads(file.read_text())
        if "error" in told:
            line = told.get("line")
            return Result(kind="raised", error=str(told["error"]), line=line if isinstance(line, int) else None)
        counts = {str(k): int(v) for k, v in told["configurations"].items()}
        return Result(
            kind="ran",
            outputs=_read_leaves(folder, told["outputs"]),
            inputs=_read_leaves(folder, told["inputs"]),
            state=_read_leaves(folder, told["state"]),
            configurations=counts,
            elapsed_s=float(told["elapsed_s"]),
        )
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        return Result(kind="crashed", error=f"unreadable results: {error}")


def _read_leaves(folder: Path, told: Any) -> dict[str, Leaf]:
    leaves: dict[str, Leaf] = {}
    for item in told:
        name = str(item["name"])
        if "file" not in item:
            leaves[name] = Leaf(name=name, text=str(item["value"]))
            continue
        path = folder / Path(str(item["file"])).name
        if path.stat().st_size > _LARGEST_ARRAY_BYTES:
            raise ValueError(f"{name} has {path.stat().st_size} bytes")
        dtype = str(item["dtype"])
        raw = np.load(path, allow_pickle=False)
        leaves[name] = Leaf(
            name=name,
            dtype=dtype,
            contiguous=bool(item["contiguous"]),
            values=from_bfloat16_bits(raw.view(np.uint16)) if dtype == "bf16" else raw,
            unwritten=_count_unwritten(raw, dtype),
        )
    return leaves


def _count_unwritten(raw: Array, dtype: str) -> int:
    bits = _POISON_BITS.get(dtype)
    if bits is None or not raw.size:
        return 0
    unsigned = {2: np.uint16, 4: np.uint32, 8: np.uint64}[raw.itemsize]
    return int(np.count_nonzero(np.ascontiguousarray(raw).view(unsigned) == unsigned(bits)))
