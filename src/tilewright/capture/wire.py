"""Captures as JSON values: how they cross from the worker to its parent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from tilewright.records.launch import (
    Argument,
    Capture,
    ConstexprArgument,
    Launch,
    ScalarArgument,
    TensorArgument,
)
from tilewright.records.source import TensorSpec

NO_LAUNCH = "forward() launched no Triton kernel"
"""Error of a capture that ran to its end, and found no launch."""
_KINDS: dict[str, type[TensorArgument] | type[ScalarArgument] | type[ConstexprArgument]] = {
    "tensor": TensorArgument,
    "scalar": ScalarArgument,
    "constexpr": ConstexprArgument,
}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def encode(capture: Capture) -> dict[str, Any]:
    """JSON values of a capture."""
    launches = []
    for launch in capture.launches:
        value = asdict(launch)
        value["arguments"] = [{"kind": _NAMES[type(each)], **asdict(each)} for each in launch.arguments]
        launches.append(value)
    return {**asdict(capture), "launches": launches}


def decode(value: Mapping[str, Any]) -> Capture:
    """The capture that :func:`encode` wrote down."""
    return Capture(
        launches=tuple(_launch(each) for each in value["launches"]),
        inputs=specs(value["inputs"]),
        outputs=specs(value["outputs"]),
        init_arguments=tuple(_frozen(each) for each in value["init_arguments"]),
        assumptions=tuple(value["assumptions"]),
        error=value["error"],
    )


def specs(values: Sequence[Mapping[str, Any]]) -> tuple[TensorSpec, ...]:
    """Tensor specifications from their JSON values."""
    return tuple(
        TensorSpec(
            name=each["name"],
            dtype=each["dtype"],
            shape=tuple(each["shape"]),
            strides=None if each["strides"] is None else tuple(each["strides"]),
        )
        for each in values
    )


def _launch(value: Mapping[str, Any]) -> Launch:
    fields = dict(value)
    fields["grid"] = tuple(value["grid"])
    fields["arguments"] = tuple(_argument(each) for each in value["arguments"])
    return Launch(**fields)


def _argument(value: Mapping[str, Any]) -> Argument:
    fields = {name: _frozen(each) for name, each in value.items() if name != "kind"}
    return _KINDS[value["kind"]](**fields)


def _frozen(value: Any) -> Any:
    return tuple(_frozen(each) for each in value) if isinstance(value, list) else value
