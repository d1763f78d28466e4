"""Emit a contraction: the input's file with its kernel written anew from a Schedule, and its launch to match."""

from __future__ import annotations

import ast
from collections.abc import Mapping, Sequence

from tilewright.families.contraction.emit_kernel import ContractionKernel
from tilewright.families.contraction.emit_launch import launch_text
from tilewright.families.contraction.emit_signature import KernelText, Parameter
from tilewright.families.contraction.emit_text import names_in
from tilewright.families.rewrite import finish, launch_sites, unique_names
from tilewright.records.algorithm import Contraction
from tilewright.records.schedule import Schedule
from tilewright.records.source import KernelSource
from tilewright.records.trial import Lifted, Refusal
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
    if isinstance(parameters, Refusal):
        return parameters
    kernel = ContractionKernel(algorithm, parameters, plan)
    main = kernel.text(docstring)
    reduction = None
    if plan[0].split_k > 1:
        free = unique_names(source.text, [f"{algorithm.kernel}_reduce"])
        reduction = kernel.reduction(free[f"{algorithm.kernel}_reduce"])
    sites = launch_sites(source.text, algorithm.kernel)
    if isinstance(sites, Refusal):
        return sites
    text = source.text
    for site in reversed(sites):
        launch = _launch(text, site, algorithm, plan, main, reduction, _defaults(source.text, algorithm.kernel))
        if isinstance(launch, Refusal):
            return launch
        text = replace_launch(text, site, launch)
    text = replace_kernel(text, algorithm.kernel, main.text)
    if reduction is not None:
        text = insert_before(text, algorithm.kernel, reduction.text)
    return finish(source.text, text, [site.function for site in sites])


def _launch(
    text: str,
    site: LaunchSite,
    algorithm: Contraction,
    plan: Sequence[Schedule],
    main: KernelText,
    reduction: KernelText | None,
    defaults: Mapping[str, str],
) -> str | Refusal:
    """The statements for one launch site, or the parameter it does not name."""
    arguments = {**defaults, **site.arguments}
    workspace = {output.operand.parameter for output in algorithm.outputs} | {algorithm.a.parameter}
    needed = {name for kernel in (main, reduction) if kernel for group in kernel.groups for name in group} | workspace
    for extent in algorithm.extents.values():
        needed |= set(names_in(extent)) - {"min", "max"}
    made = {"partial_ptr"} | {f"partial_ptr_{n}" for n in range(2, 9)}
    missing = sorted(name for name in needed - made if name not in arguments)
    if missing:
        return Refusal(
            what=f"rewriting the launch of {algorithm.kernel}",
            reason=f"the call does not show what it passes for {', '.join(missing)}",
        )
    return launch_text(algorithm, plan, main, reduction, arguments, set(names_in(text)))


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
    nodes = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef) and node.name == kernel]
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
