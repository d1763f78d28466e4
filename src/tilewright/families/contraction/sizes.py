"""Numbers of one launch: what it passed, and the length of every axis."""

from __future__ import annotations

from tilewright.families.contraction.descriptors import part_values
from tilewright.families.index_expression import evaluate
from tilewright.records.algorithm import Contraction
from tilewright.records.launch import ConstexprArgument, Launch, ScalarArgument


def values_of(launch: Launch) -> dict[str, int]:
    """Every whole number that the launch passed, by parameter, and its grid as ``grid_0`` … ``grid_2``.

    Lengths and strides of descriptors made on the host have the names of ``ttir.arguments.parts``.
    """
    found = {f"grid_{axis}": programs for axis, programs in enumerate(launch.grid)}
    for argument in launch.arguments:
        if isinstance(argument, ScalarArgument | ConstexprArgument) and isinstance(argument.value, int):
            found[argument.parameter] = int(argument.value)
    return found | part_values(launch)


def sizes_of(algorithm: Contraction, launch: Launch) -> dict[str, int]:
    """Length of every axis in one launch.

    Raises:
        ValueError: an extent rests on something that the launch did not pass.
    """
    values = values_of(launch)
    return {axis: evaluate(extent, values) for axis, extent in algorithm.extents.items()}
