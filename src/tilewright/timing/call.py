"""What is called when a file is timed."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from tilewright.prove.inputs import python_value
from tilewright.records.problem import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One call of ``ModelNew``."""

    problem: Problem
    """Shapes, types and layouts of forward's arguments, and what the model is made with."""
    reference: str | None = None
    """Text of a KernelBench reference, whose ``get_inputs`` gives the tensors' values where it fits the problem.

    Without one, floats are uniform in [0, 1), and integers below the smallest extent above 1.
    """


def call_arguments(call: Call) -> dict[str, Any]:
    """``inputs`` and ``init`` as JSON values for the worker."""
    inputs: list[dict[str, Any]] = []
    for spec in call.problem.inputs:
        if spec.dtype == "python":
            inputs.append({"value": python_value(spec)})
        else:
            strides = None if spec.strides is None else list(spec.strides)
            inputs.append({"shape": list(spec.shape), "dtype": spec.dtype, "strides": strides, "offset": spec.offset})
    return {"inputs": inputs, "init": [_json(value) for value in call.problem.init_arguments]}


def _json(value: object) -> object:
    return [_json(each) for each in value] if isinstance(value, tuple) else value
