"""What stands around the body of an emitted kernel: decorators, parameters, docstring."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from tilewright.families.contraction.emit_text import LINE_LENGTH, names_in, substitute
from tilewright.families.contraction.reductions import held_whole
from tilewright.records.algorithm import Contraction
from tilewright.records.schedule import Schedule

BLOCKS = ("BLOCK_M", "BLOCK_N", "BLOCK_K")
RESERVED = (*BLOCKS, "GROUP_M", "SPLIT_K", "EVEN_K")
"""What an emitted kernel calls the constants of its schedule, whatever the input called its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Parameter:
    """A parameter of the kernel as it stands in the input."""

    name: str
    line: int
    """Parameters that stood on one line stay on one line."""
    is_constexpr: bool = False
    annotation: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelText:
    """An emitted kernel, and what its launch has to pass."""

    name: str
    text: str
    groups: tuple[tuple[str, ...], ...]
    """The input's parameters that are still used (and the workspace), in order, as they share lines."""
    constants: tuple[str, ...]
    """``tl.constexpr`` parameters of the schedule, in order; ``autotune`` may set some of them."""


def tuned_fields(plan: Sequence[Schedule]) -> str:
    """``block``, ``launch`` or nothing: which group of fields differs inside ``plan``.

    Raises:
        ValueError: the entries differ in both groups, or in a field that no autotune list may hold.
    """
    blocks = {(entry.block_m, entry.block_n, entry.block_k) for entry in plan}
    launches = {(entry.num_warps, entry.num_stages) for entry in plan}
    same = {replace(entry, block_m=0, block_n=0, block_k=0, num_warps=0, num_stages=0) for entry in plan}
    if len(same) > 1:
        raise ValueError("an autotune list may differ in block sizes or in warps and stages, in nothing else")
    if len(blocks) > 1 and plan[0].descriptors:
        raise ValueError("the block of a descriptor is made in the wrapper, before a tuner chooses")
    if len(blocks) > 1 and len(launches) > 1:
        raise ValueError("an autotune list may tune block sizes or warps and stages, not both")
    return "block" if len(blocks) > 1 else "launch" if len(launches) > 1 else ""


def tuning_key(algorithm: Contraction, parameters: Iterable[Parameter]) -> tuple[str, ...]:
    """The kernel parameters that the extents of m, n and k rest on."""
    known = {parameter.name for parameter in parameters}
    found = [name for axis in "mnk" for name in names_in(algorithm.extents[axis]) if name in known]
    return tuple(dict.fromkeys(found))


def autotune_decorators(plan: Sequence[Schedule], algorithm: Contraction, parameters: Sequence[Parameter]) -> list[str]:
    """The decorators of the main kernel, ``@triton.jit`` last."""
    decorators: list[str] = []
    if len(plan) > 1:
        tuned, held = tuned_fields(plan), held_whole(algorithm)
        decorators += ["@triton.autotune(", "    configs=["]
        for entry in plan:
            values = {f"BLOCK_{axis.upper()}": getattr(entry, f"block_{axis}") for axis in "mnk" if axis not in held}
            shown = ", ".join(f'"{name}": {value}' for name, value in values.items()) if tuned == "block" else ""
            decorators.append(
                f"        triton.Config({{{shown}}}, num_warps={entry.num_warps}, num_stages={entry.num_stages}),"
            )
        key = ", ".join(f'"{name}"' for name in tuning_key(algorithm, parameters))
        decorators += ["    ],", f"    key=[{key}],", ")"]
    if plan[0].masks == "even_k":
        k = substitute(
            algorithm.extents["k"], {parameter.name: f'args["{parameter.name}"]' for parameter in parameters}
        )
        decorators.append(f'@triton.heuristics({{"EVEN_K": lambda args: {k} % args["BLOCK_K"] == 0}})')
    return [*decorators, "@triton.jit"]


def signature_groups(
    parameters: Sequence[Parameter], used: set[str], stand_ins: Mapping[str, Sequence[str]]
) -> list[list[Parameter]]:
    """The parameters that are ``used``, in the input's order and on the input's lines.

    Args:
        parameters: All parameters of the input's kernel.
        used: Names the new kernel mentions.
        stand_ins: Parameter to the new ones that stand in its place, or before it where it is still used.
    """
    groups: dict[int, list[Parameter]] = {}
    for parameter in parameters:
        new = [Parameter(name=name, line=parameter.line) for name in stand_ins.get(parameter.name, ())]
        groups.setdefault(parameter.line, []).extend(one for one in (*new, parameter) if one.name in used)
    return [group for group in groups.values() if group]


def kernel_text(
    name: str,
    decorators: Sequence[str],
    groups: Sequence[Sequence[Parameter]],
    constants: Sequence[str],
    derived: Sequence[str],
    body: Sequence[str],
) -> KernelText:
    """Put a kernel together; ``derived`` are the constants that a decorator computes."""
    lines = [*decorators, f"def {name}("]
    for group in groups:
        shown = [f"{entry.name}: {entry.annotation}" if entry.annotation else entry.name for entry in group]
        lines += [f"    {line}," for line in filled(shown)]
    lines += [f"    {line}," for line in filled([f"{constant}: tl.constexpr" for constant in (*constants, *derived)])]
    lines += ["):", *body]
    return KernelText(
        name=name,
        text="\n".join(lines) + "\n",
        groups=tuple(tuple(entry.name for entry in group) for group in groups),
        constants=tuple(constants),
    )


def filled(items: Sequence[str], width: int = LINE_LENGTH - 8) -> list[str]:
    """Items joined by commas, on as few lines as fit."""
    lines: list[str] = []
    for item in items:
        if lines and len(lines[-1]) + 2 + len(item) <= width:
            lines[-1] += f", {item}"
        else:
            lines.append(item)
    return lines
