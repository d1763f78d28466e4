"""Emit a contraction: the input's file with its kernel written anew from a Schedule, and its launch to match."""

from __future__ import annotations

import ast
from collections.abc import Sequence
from dataclasses import replace

from tilewright.families.contraction.emit_descriptors import Plain, unwrapped_arguments, with_plain_pointers
from tilewright.families.contraction.emit_kernel import ContractionKernel
from tilewright.families.contraction.emit_launch import launch_text
from tilewright.families.contraction.emit_narrow import narrow_function_text, narrow_text, scale_texts
from tilewright.families.contraction.emit_operands import (
    Preparation,
    function_text,
    pack_text,
    preparation,
    prepared_names,
)
from tilewright.families.contraction.emit_signature import RESERVED, KernelText, Parameter
from tilewright.families.contraction.emit_sizes import Sized, added_arguments, with_named_sizes
from tilewright.families.contraction.emit_text import names_in
from tilewright.families.contraction.narrowing import wide_schedule
from tilewright.families.rewrite import finish, launch_sites, unique_names
from tilewright.records.algorithm import Contraction
from tilewright.records.schedule import Schedule
from tilewright.records.source import KernelSource
from tilewright.records.trial import Lifted, Refusal
from tilewright.source import syntax
from tilewright.source.edit import insert_before, replace_kernel
from tilewright.source.launches import LaunchSite, replace_launch


def emit(source: KernelSource, lifted: Lifted, plan: Sequence[Schedule], *, docstring: str) -> str | Refusal:
    """The whole new file for ``plan``, or why this file cannot be rewritten.

    Args:
        source: The input.
        lifted: The contraction of one of its kernels.
        plan: One Schedule, or several that differ in block sizes only, or in warps and stages only.
        docstring: What changed and why; becomes the kernel's docstring.

    Raises:
        ValueError: ``plan`` is empty or no legal autotune list, or ``lifted`` is no contraction.
    """
    algorithm = lifted.algorithm
    if not isinstance(algorithm, Contraction):
        raise ValueError(f"{algorithm.kernel} is no contraction")
    parameters = kernel_parameters(source.text, algorithm.kernel)
    sites = launch_sites(source.text, algorithm.kernel)
    if isinstance(parameters, Refusal):
        return parameters
    if isinstance(sites, Refusal):
        return sites
    clash = [p.name for p in parameters if p.name in RESERVED and not p.is_constexpr]
    if clash:
        return Refusal(what=f"rewriting {algorithm.kernel}", reason=f"its {clash[0]} is a number of the run")
    plain = with_plain_pointers(algorithm, parameters, lifted.launch)
    sized = with_named_sizes(plain.algorithm, plain.parameters, lifted.launch)
    prepared = preparation(source.text, sized.algorithm, sized.parameters, plan)
    kernel = ContractionKernel(sized.algorithm, sized.parameters, plan, prepared)
    main = kernel.text(docstring)
    reduction = None
    if plan[0].split_k > 1:
        wish = f"{algorithm.kernel}_reduce"
        reduction = kernel.reduction(unique_names(source.text, [wish])[wish])
    wide = _wide(sized, prepared, lifted.schedule)
    again = wide[0] if wide else None
    text = source.text
    for site in reversed(sites):
        arguments = _arguments(source.text, site, plain, sized, (main, reduction, again), prepared)
        if isinstance(arguments, Refusal):
            return arguments
        taken = set(names_in(source.text))
        launch = launch_text(sized.algorithm, plan, main, reduction, arguments, taken, prepared, wide)
        text = replace_launch(text, site, launch)
    text = replace_kernel(text, algorithm.kernel, main.text)
    kernels = (reduction.text if reduction else "", *_helpers(prepared), again.text if again else "")
    above = "\n\n\n".join(filter(None, kernels))
    if above:
        text = insert_before(text, algorithm.kernel, above)
    return finish(source.text, text, [site.function for site in sites])


def _wide(sized: Sized, prepared: Preparation | None, before: Schedule) -> tuple[KernelText, Schedule] | None:
    """The kernel that computes again in the input's own arithmetic, with its schedule, where operands are narrowed."""
    if prepared is None or prepared.narrowing is None:
        return None
    names, schedule = prepared.narrowing, wide_schedule(before)
    kernel = ContractionKernel(
        replace(sized.algorithm, kernel=names.wide), sized.parameters, (schedule,), flagged=names.flags
    )
    return kernel.text(
        "The same in the input's own arithmetic, for tiles with a flag that is up; else nothing."
    ), schedule


def _helpers(prepared: Preparation | None) -> tuple[str, ...]:
    """Definitions that bring operands into their layouts, in the order in which they are to stand."""
    if prepared is None:
        return ()
    batched, narrowing = prepared.is_batched, prepared.narrowing
    if narrowing is None:
        return pack_text(prepared), function_text(prepared)
    form = {"batched": batched, "banded": prepared.reach > 0}
    function = narrow_function_text(narrowing, descriptors=prepared.descriptors, batched=batched, reach=prepared.reach)
    return *scale_texts(narrowing, **form), narrow_text(narrowing, **form), function


def _arguments(
    text: str,
    site: LaunchSite,
    plain: Plain,
    sized: Sized,
    kernels: Sequence[KernelText | None],
    prepared: Preparation | None,
) -> dict[str, str] | Refusal:
    """The text that one launch passes for each parameter, or the parameter it does not show."""
    algorithm = sized.algorithm
    what = f"rewriting the launch of {algorithm.kernel} in line {site.line}"
    arguments = {**_defaults(text, algorithm.kernel), **site.arguments}
    unwrapped = unwrapped_arguments(plain, text, site, arguments)
    if isinstance(unwrapped, str):
        return Refusal(what=what, reason=unwrapped)
    arguments |= unwrapped
    added = added_arguments(sized, text, site, arguments)
    if isinstance(added, str):
        return Refusal(what=what, reason=added)
    arguments |= added
    known = {parameter.name for parameter in sized.parameters}
    needed = {name for kernel in kernels if kernel for group in kernel.groups for name in group if name in known}
    needed |= prepared_names(prepared) & known
    needed |= {name for extent in algorithm.extents.values() for name in names_in(extent) if name in known}
    missing = sorted(name for name in needed | {algorithm.a.parameter} if name not in arguments)
    if missing:
        return Refusal(what=what, reason=f"the call does not show what it passes for {', '.join(missing)}")
    return arguments


def kernel_parameters(text: str, kernel: str) -> tuple[Parameter, ...] | Refusal:
    """The parameters of ``kernel`` with the lines they stand on."""
    function = _function(text, kernel)
    if function is None:
        return Refusal(what=f"rewriting {kernel}", reason="the file defines no function of that name")
    arguments = [*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs]
    found = []
    for argument in arguments:
        annotation = ast.unparse(argument.annotation) if argument.annotation else ""
        constexpr = annotation.split(".")[-1] == "constexpr"
        found.append(Parameter(name=argument.arg, line=argument.lineno, is_constexpr=constexpr, annotation=annotation))
    return tuple(found)


def _function(text: str, kernel: str) -> ast.FunctionDef | None:
    nodes = [node for node in ast.walk(syntax.parse(text)) if isinstance(node, ast.FunctionDef) and node.name == kernel]
    return nodes[0] if nodes else None


def _defaults(text: str, kernel: str) -> dict[str, str]:
    """Texts of the parameters' default values."""
    function = _function(text, kernel)
    if function is None:
        return {}
    positional = [*function.args.posonlyargs, *function.args.args]
    given = function.args.defaults
    pairs = list(zip(positional[len(positional) - len(given) :], given, strict=True))
    pairs += [(a, d) for a, d in zip(function.args.kwonlyargs, function.args.kw_defaults, strict=True) if d is not None]
    return {argument.arg: ast.unparse(default) for argument, default in pairs}
