"""Evaluates a lifted Contraction with NumPy on flat buffers, element by element of its index maps."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from tilewright.families.contraction.descriptors import part_values
from tilewright.families.index_expression import evaluate
from tilewright.records.algorithm import (
    Accumulated,
    Apply,
    Constant,
    Contraction,
    Expression,
    Loaded,
    Operand,
    Order,
    Parameter,
    Reduce,
)
from tilewright.records.launch import Launch, ScalarArgument, TensorArgument

_DTYPES = {"fp16": np.float16, "fp32": np.float32, "fp64": np.float64, "i32": np.int32, "i8": np.int8}
_OPERATIONS = {
    "add": np.add, "sub": np.subtract, "mul": np.multiply, "div": np.divide, "neg": np.negative, "abs": np.abs,
    "max": np.fmax, "min": np.fmin, "max_nan": np.maximum, "min_nan": np.minimum, "exp": np.exp, "exp2": np.exp2,
    "log": np.log, "sqrt": np.sqrt, "rsqrt": lambda x: 1 / np.sqrt(x), "tanh": np.tanh, "sin": np.sin, "cos": np.cos,
    "erf": np.vectorize(math.erf), "lt": np.less, "le": np.less_equal, "gt": np.greater, "ge": np.greater_equal,
    "eq": np.equal, "ne": np.not_equal, "and": np.logical_and, "or": np.logical_or, "where": np.where,
    "fma": lambda x, y, z: x * y + z, "floor": np.floor, "ceil": np.ceil,
}  # fmt: skip
_REDUCTIONS = {"sum": np.sum, "max": np.nanmax, "min": np.nanmin}


def buffers(launch: Launch, *, seed: int = 0) -> dict[str, np.ndarray[Any, Any]]:
    """Random flat buffers for the launch's tensors."""
    rng = np.random.default_rng(seed)
    return {
        argument.parameter: rng.standard_normal(math.prod(argument.shape)).astype(_DTYPES[argument.dtype])
        for argument in launch.arguments
        if isinstance(argument, TensorArgument)
    }


def run(algorithm: Contraction, launch: Launch, memory: dict[str, np.ndarray[Any, Any]]) -> None:
    """Store what the algorithm computes into ``memory``, in float64 but for narrowing casts."""
    scalars = {x.parameter: x.value for x in launch.arguments if isinstance(x, ScalarArgument)}
    sizes = {name: int(value) for name, value in scalars.items() if isinstance(value, int)}
    sizes |= part_values(launch)
    sizes |= {f"grid_{axis}": length for axis, length in enumerate(launch.grid)}
    lengths = {axis: evaluate(text, sizes) for axis, text in algorithm.extents.items()}
    assert tuple(algorithm.extents) == ("m", "n", "k", *algorithm.batch_axes)
    for place in itertools.product(*(range(lengths[axis]) for axis in algorithm.batch_axes)):
        batch = dict(zip(algorithm.batch_axes, place, strict=True))

        def read(operand: Operand, axes: str, batch: Mapping[str, int] = batch) -> np.ndarray[Any, Any]:
            values = memory[operand.parameter][_index(operand, axes, lengths, batch, sizes)]
            for dtype in operand.casts:
                values = values.astype(_DTYPES[dtype])
            return np.where(_kept(operand.orders, axes, lengths), values.astype(np.float64), 0)

        total = read(algorithm.a, "mk") @ read(algorithm.b, "kn")
        for output in algorithm.outputs:
            value = np.broadcast_to(_computed(output.value, total, read, scalars), total.shape)
            index = _index(output.operand, "mn", lengths, batch, sizes)
            kept = _kept(output.orders, "mn", lengths)
            for axis, name in enumerate("mn"):
                if name not in output.operand.strides:
                    value, index, kept = (whole.take([0], axis) for whole in (value, index, kept))
            if output.zero_outside:
                value = np.where(kept, value, 0)
            else:
                value = np.where(kept, value, memory[output.operand.parameter][index])
            assert np.unique(index).size == index.size, "two elements share one place"
            if output.atomic:
                value = value + memory[output.operand.parameter][index]
            memory[output.operand.parameter][index] = value


def _index(
    operand: Operand, axes: str, lengths: Mapping[str, int], batch: Mapping[str, int], sizes: Mapping[str, int]
) -> np.ndarray[Any, Any]:
    strides = {axis: evaluate(text, sizes) for axis, text in operand.strides.items()}
    assert set(strides) <= {*axes, *batch}
    first, second = (np.arange(lengths[axis]) * strides.get(axis, 0) for axis in axes)
    start = evaluate(operand.offset, sizes) + sum(place * strides.get(axis, 0) for axis, place in batch.items())
    return start + first[:, None] + second[None, :]


def _kept(orders: tuple[Order, ...], axes: str, lengths: Mapping[str, int]) -> np.ndarray[Any, Any]:
    """Which elements of a matrix lie on the right side of every diagonal."""
    first, second = (np.arange(lengths[axis]) for axis in axes)
    places = {axes[0]: first[:, None], axes[1]: second[None, :]}
    kept = np.ones((lengths[axes[0]], lengths[axes[1]]), dtype=bool)
    for order in orders:
        kept &= places[order.low] + order.gap <= places[order.high]
    return kept


def _computed(value: Expression, total: np.ndarray[Any, Any], read: Any, scalars: Mapping[str, float]) -> Any:
    match value:
        case Accumulated():
            return total
        case Loaded(operand=operand):
            return read(operand, "mn")
        case Parameter(name=name):
            return scalars[name]
        case Constant(value=number):
            return number
        case Reduce(operation=operation, axis=axis, value=inner):
            whole = np.broadcast_to(_computed(inner, total, read, scalars), total.shape)
            return _REDUCTIONS[operation](whole, axis="mn".index(axis), keepdims=True)
        case Apply(operation="cast", arguments=(inner,), dtype=dtype):
            return np.asarray(_computed(inner, total, read, scalars)).astype(_DTYPES[dtype]).astype(np.float64)
        case Apply(operation=operation, arguments=arguments):
            return _OPERATIONS[operation](*(_computed(part, total, read, scalars) for part in arguments))
