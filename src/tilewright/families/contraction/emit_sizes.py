"""Give every length of a contraction a name that the emitted kernel can take as a parameter.

Lifting leaves two kinds of lengths that are no run-time parameters: constants that the wrapper passed as
``tl.constexpr`` (folded away in Triton's IR), and ``grid_0`` … ``grid_2``, the input's own grid. Both come back here
as parameters, so that the emitted file stays right for every shape.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

from tilewright.families.contraction.emit_signature import Parameter
from tilewright.families.contraction.emit_text import Names, names_in, substitute
from tilewright.records.algorithm import Contraction, Operand
from tilewright.records.launch import ConstexprArgument, Launch
from tilewright.source import syntax
from tilewright.source.launches import LaunchSite

_GRID = re.compile(r"\bgrid_([012])\b")
_SCHEDULING = re.compile(r"BLOCK|GROUP|SPLIT|STAGE|WARP|TILE|NUM_SM|^B[MNK]$", re.IGNORECASE)
_WORDS = {"m": "M", "n": "N", "k": "K"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sized:
    """A contraction all of whose lengths are expressions over ``parameters``."""

    algorithm: Contraction
    parameters: tuple[Parameter, ...]
    added: Mapping[str, str]
    """New parameter to its value, over the input's parameters and ``grid_0`` … ``grid_2``."""


def with_named_sizes(algorithm: Contraction, parameters: Sequence[Parameter], launch: Launch) -> Sized:
    """Name what Triton's IR had folded or only the grid knew."""
    restored = _restore_constants(algorithm, parameters, launch)
    names = Names({parameter.name for parameter in parameters} | {"tl", "triton", "torch"})
    extents, added = dict(restored.extents), {}
    for axis, extent in extents.items():
        if _GRID.search(extent):
            name = names(_WORDS.get(axis, "batch_size" if len(algorithm.batch_axes) == 1 else f"batch_size_{axis[1:]}"))
            extents[axis] = name
            added[name] = extent
    line = max((parameter.line for parameter in parameters), default=0) + 1
    extra = [Parameter(name=name, line=line) for name in added]
    return Sized(
        algorithm=replace(restored, extents=extents), parameters=(*_runtime_first(parameters, extra),), added=added
    )


def _runtime_first(parameters: Sequence[Parameter], extra: Sequence[Parameter]) -> list[Parameter]:
    """New parameters go behind the last run-time one, so that constexpr parameters stay last."""
    last = max((n for n, parameter in enumerate(parameters) if not parameter.is_constexpr), default=-1)
    return [*parameters[: last + 1], *extra, *parameters[last + 1 :]]


def _restore_constants(algorithm: Contraction, parameters: Sequence[Parameter], launch: Launch) -> Contraction:
    """Put the name of the one constexpr parameter with that value in the place of a number."""
    constexprs = {parameter.name for parameter in parameters if parameter.is_constexpr}
    by_value: dict[int, list[str]] = {}
    for argument in launch.arguments:
        value = argument.value if isinstance(argument, ConstexprArgument) else None
        named = argument.parameter in constexprs and not _SCHEDULING.search(argument.parameter)
        if named and isinstance(value, int) and not isinstance(value, bool) and value > 1:
            by_value.setdefault(value, []).append(argument.parameter)
    names = {str(value): found[0] for value, found in by_value.items() if len(found) == 1}

    def named_in(expression: str) -> str:
        return re.sub(r"(?<![\w.])\d+(?![\w.])", lambda match: names.get(match[0], match[0]), expression)

    def operand(old: Operand) -> Operand:
        strides = {axis: named_in(stride) for axis, stride in old.strides.items()}
        return replace(old, strides=strides, offset=named_in(old.offset))

    outputs = tuple(replace(o, operand=operand(o.operand)) for o in algorithm.outputs)
    return replace(
        algorithm,
        extents={axis: named_in(extent) for axis, extent in algorithm.extents.items()},
        a=operand(algorithm.a),
        b=operand(algorithm.b),
        outputs=outputs,
    )


def added_arguments(sized: Sized, text: str, site: LaunchSite, arguments: Mapping[str, str]) -> dict[str, str] | str:
    """What the launch at ``site`` passes for the parameters that were added, or why that cannot be written."""
    if not sized.added:
        return {}
    axes = grid_texts(text, site)
    if axes is None:
        return f"the grid {site.grid} is not written as a tuple, and only it says how long an axis is"
    known = {**arguments, **{f"grid_{n}": "1" for n in range(len(axes), 3)}}
    known |= {f"grid_{n}": axis for n, axis in enumerate(axes) if axis is not None}
    found: dict[str, str] = {}
    for name, expression in sized.added.items():
        missing = [part for part in names_in(expression) if part not in known and part not in {"min", "max"}]
        if any(part.startswith("grid_") for part in missing):
            return f"the grid {site.grid} rests on a tuned value, and only it says how long an axis is"
        if missing:
            return f"the call does not show what it passes for {', '.join(missing)}"
        found[name] = substitute(expression, known)
    return found


def grid_texts(text: str, site: LaunchSite) -> list[str | None] | None:
    """The expressions of the grid at ``site``, ``None`` for one that rests on a tuned value, or where none is seen."""
    node: ast.expr = syntax.parse_expression(site.grid)
    if isinstance(node, ast.Name):
        values = _assigned(text, site.function, node.id)
        if len(values) != 1:
            return None
        node = values[0]
    parameters: set[str] = set()
    if isinstance(node, ast.Lambda):
        parameters = {argument.arg for argument in node.args.args}
        node = node.body
    if not isinstance(node, ast.Tuple | ast.List):
        return None
    tuned = [
        any(isinstance(part, ast.Name) and part.id in parameters for part in ast.walk(element)) for element in node.elts
    ]
    return [None if rests else ast.unparse(element) for element, rests in zip(node.elts, tuned, strict=True)]


def _assigned(text: str, function: str, name: str) -> list[ast.expr]:
    """Everything assigned to ``name`` in ``function``."""
    body: ast.AST = syntax.parse(text)
    for part in function.split("."):
        owners = [n for n in ast.walk(body) if isinstance(n, ast.FunctionDef | ast.ClassDef) and n.name == part]
        if not owners:
            return []
        body = owners[0]
    return [
        node.value
        for node in ast.walk(body)
        if isinstance(node, ast.Assign)
        and any(isinstance(target, ast.Name) and target.id == name for target in node.targets)
    ]
