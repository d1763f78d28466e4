"""Emit a kernel that is not understood: the input's text with its launch, and no more than its launch, changed."""

from __future__ import annotations

import ast
from collections.abc import Sequence

import libcst as cst

from tilewright.families.contraction.emit_text import docstring as docstring_lines
from tilewright.families.opaque.effects import rerun_hazard
from tilewright.families.opaque.swap import swap_axes
from tilewright.families.rewrite import finish, launch_sites
from tilewright.records.launch import Launch, ScalarArgument
from tilewright.records.schedule import Schedule
from tilewright.records.source import KernelSource
from tilewright.records.trial import Lifted, Refusal
from tilewright.source import syntax, tree
from tilewright.source.edit import replace_kernel
from tilewright.source.launches import LaunchSite, parameters, replace_launch

_OPTIONS = ("num_warps", "num_stages")


def emit(source: KernelSource, lifted: Lifted, plan: Sequence[Schedule], *, docstring: str) -> str | Refusal:
    """The whole new file for ``plan``, or why this file cannot be changed so.

    A plan of one schedule passes its warps and stages at the launch; several become an autotune list keyed on the
    kernel's run-time numbers. A ``program_order`` other than the input's swaps the grid's two axes.

    Raises:
        ValueError: ``plan`` is empty, or its entries differ in more than warps and stages.
    """
    if not plan or len({schedule.program_order for schedule in plan}) != 1:
        raise ValueError("a plan holds schedules that differ in warps and stages only")
    kernel = lifted.algorithm.kernel
    sites = launch_sites(source.text, kernel)
    if isinstance(sites, Refusal):
        return sites
    definition = _definition(source.text, kernel)
    if isinstance(definition, Refusal):
        return definition
    tuned = any(_is_autotune(decorator) for decorator in definition.decorators)
    launch_changes = len(plan) > 1 or any(getattr(plan[0], name) != getattr(lifted.schedule, name) for name in _OPTIONS)
    what = f"changing the launch of {kernel}"
    if tuned and launch_changes:
        return Refusal(what=what, reason="the kernel carries its own autotune list")
    hazard = rerun_hazard(lifted.launch) if len(plan) > 1 else None
    if hazard is not None:
        return Refusal(what=f"tuning {kernel} at its first run", reason=hazard)
    text = source.text
    if launch_changes:
        for site in reversed(sites):
            text = replace_launch(text, site, _call(text, site, plan))
    if plan[0].program_order != lifted.schedule.program_order:
        swapped = swap_axes(text, kernel)
        if isinstance(swapped, Refusal):
            return swapped
        text = swapped
    text = _redefine(text, kernel, plan, docstring, lifted.launch)
    return finish(source.text, text, [site.function for site in sites])


def _definition(text: str, kernel: str) -> cst.FunctionDef | Refusal:
    found = tree.kernels_of(tree.parse(text)).get(kernel)
    return found or Refusal(what=f"changing {kernel}", reason="the file defines no kernel of that name")


def _is_autotune(decorator: cst.Decorator) -> bool:
    called = decorator.decorator
    name = tree.dotted(called.func if isinstance(called, cst.Call) else called) or ""
    return name.split(".")[-1] == "autotune"


def _call(text: str, site: LaunchSite, plan: Sequence[Schedule]) -> str:
    """The launch with its warps and stages set, or left to the autotune list; everything else as it was."""
    node = next(
        found
        for found in ast.walk(syntax.parse(text))
        if isinstance(found, ast.Call) and (found.lineno, found.col_offset) == (site.line, site.column)
        and isinstance(found.func, ast.Subscript)
    )  # fmt: skip
    call = cst.ensure_type(cst.parse_expression(ast.get_source_segment(text, node) or ""), cst.Call)
    kept = [arg for arg in call.args if arg.keyword is None or arg.keyword.value not in _OPTIONS]
    if len(plan) > 1:
        return tree.code(call.with_changes(args=kept))
    equal = cst.AssignEqual(cst.SimpleWhitespace(""), cst.SimpleWhitespace(""))
    comma = next((arg.comma for arg in kept if isinstance(arg.comma, cst.Comma)), cst.MaybeSentinel.DEFAULT)
    last = kept[-1].comma if kept else cst.MaybeSentinel.DEFAULT
    if kept:
        kept[-1] = kept[-1].with_changes(comma=comma)
    options = [
        cst.Arg(keyword=cst.Name(name), value=cst.Integer(str(getattr(plan[0], name))), equal=equal)
        for name in _OPTIONS
    ]
    one_line = cst.Comma(whitespace_after=cst.SimpleWhitespace(" "))
    options = [options[0].with_changes(comma=one_line), options[1].with_changes(comma=last)]
    return tree.code(call.with_changes(args=[*kept, *options]))


def _redefine(text: str, kernel: str, plan: Sequence[Schedule], note: str, launch: Launch) -> str:
    """The kernel with the autotune list and the note in its docstring; its body untouched."""
    node = tree.kernels_of(tree.parse(text))[kernel]
    old = node.get_docstring() or ""
    lines = docstring_lines(f"{note}\n\n{old}" if old else note, 0)
    statement = cst.ensure_type(cst.parse_statement(_indented(lines)), cst.SimpleStatementLine)
    block = node.body
    if isinstance(block, cst.SimpleStatementSuite):
        block = cst.IndentedBlock(body=[cst.SimpleStatementLine(body=list(block.body))])
    body = list(block.body)[1 if old else 0 :]
    node = node.with_changes(body=block.with_changes(body=[statement, *body]), leading_lines=())
    decorators = ""
    if len(plan) > 1:
        key = ", ".join(f'"{name}"' for name in _numbers(text, kernel, launch))
        configs = "".join(
            f"        triton.Config({{}}, num_warps={entry.num_warps}, num_stages={entry.num_stages}),\n"
            for entry in plan
        )
        decorators = f"@triton.autotune(\n    configs=[\n{configs}    ],\n    key=[{key}],\n)\n"
    return replace_kernel(text, kernel, decorators + tree.code(node).strip("\n"))


def _indented(lines: Sequence[str]) -> str:
    """A docstring whose lines after the first carry the indentation of a function body."""
    return "\n".join([lines[0], *[f"    {line}" if line else "" for line in lines[1:]]]) + "\n"


def _numbers(text: str, kernel: str, launch: Launch) -> list[str]:
    """Whole-number run-time parameters: what an autotune list is keyed on."""
    whole = {a.parameter for a in launch.arguments if isinstance(a, ScalarArgument) and a.dtype.startswith(("i", "u"))}
    return [parameter.name for parameter in parameters(text, kernel) if parameter.name in whole]
