"""Swap the two axes of a launch grid: in the kernel, and in every launch."""

from __future__ import annotations

import ast

import libcst as cst

from tilewright.families.rewrite import launch_sites
from tilewright.records.trial import Refusal
from tilewright.source import syntax, tree
from tilewright.source.launches import LaunchSite
from tilewright.source.walk import walk

_READS = ("program_id", "num_programs")


def swap_axes(text: str, kernel: str) -> str | Refusal:
    """``text`` with axes 0 and 1 of ``kernel`` swapped, or why that cannot be written."""
    what = f"swapping the grid axes of {kernel}"
    sites = launch_sites(text, kernel)
    if isinstance(sites, Refusal):
        return sites
    spans: list[tuple[int, int, int, int]] = []
    for site in sites:
        found = _grid_elements(text, site)
        if isinstance(found, str):
            return Refusal(what=what, reason=f"line {site.line}: {found}")
        spans.append(found)
    for first_start, first_end, second_start, second_end in sorted(set(spans), reverse=True):
        first, second = text[first_start:first_end], text[second_start:second_end]
        text = text[:first_start] + second + text[first_end:second_start] + first + text[second_end:]
    module = tree.parse(text)
    node = tree.kernels_of(module)[kernel]
    for helper, function in tree.kernels_of(module).items():
        called = helper != kernel and helper in tree.names_read(node)
        if called and any(isinstance(part, cst.Attribute) and part.attr.value in _READS for part in walk(function)):
            return Refusal(what=what, reason=f"{helper}, which it calls, reads program ids itself")
    swapper = _Swap()
    new = node.visit(swapper)
    if swapper.unreadable or not swapper.seen >= {0, 1}:
        return Refusal(what=what, reason="its program ids are not read as tl.program_id(0) and tl.program_id(1)")
    return cst.ensure_type(module.deep_replace(node, cst.ensure_type(new, cst.FunctionDef)), cst.Module).code


class _Swap(cst.CSTTransformer):
    """Renames axis 0 to 1 and 1 to 0."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[int] = set()
        self.unreadable = False

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:  # noqa: N802
        name = tree.dotted(updated_node.func) or ""
        if name.split(".")[-1] not in _READS:
            return updated_node
        axis = updated_node.args[0].value if len(updated_node.args) == 1 else None
        if not isinstance(axis, cst.Integer) or axis.value not in ("0", "1"):
            self.unreadable = True
            return updated_node
        self.seen.add(int(axis.value))
        argument = updated_node.args[0].with_changes(value=cst.Integer(str(1 - int(axis.value))))
        return updated_node.with_changes(args=[argument])


def _grid_elements(text: str, site: LaunchSite) -> tuple[int, int, int, int] | str:
    """Where the two expressions of the grid stand in ``text``, as offsets, or why they cannot be found."""
    module = syntax.parse(text)
    calls = [
        node
        for node in ast.walk(module)
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Subscript)
        and (node.lineno, node.col_offset) == (site.line, site.column)
    ]
    subscript = calls[0].func if calls else None
    if not isinstance(subscript, ast.Subscript):
        return "the launch was not found"
    grid: ast.expr = subscript.slice
    if isinstance(grid, ast.Name):
        named = _only_assignment(module, site.function, grid.id)
        if named is None:
            return f"{grid.id} is not assigned once, for this launch alone"
        grid = named
    if isinstance(grid, ast.Lambda):
        grid = grid.body
    if not isinstance(grid, ast.Tuple) or len(grid.elts) != 2:
        return "the grid is not written as a pair"
    first, second = grid.elts
    return (*_offsets(text, first), *_offsets(text, second))


def _only_assignment(module: ast.Module, function: str, name: str) -> ast.expr | None:
    owner: ast.AST = module
    for part in function.split("."):
        found = [n for n in ast.walk(owner) if isinstance(n, ast.FunctionDef | ast.ClassDef) and n.name == part]
        if not found:
            return None
        owner = found[0]
    uses = [node for node in ast.walk(owner) if isinstance(node, ast.Name) and node.id == name]
    values = [
        node.value
        for node in ast.walk(owner)
        if isinstance(node, ast.Assign) and [t.id for t in node.targets if isinstance(t, ast.Name)] == [name]
    ]
    return values[0] if len(values) == 1 and len(uses) == 2 else None


def _offsets(text: str, node: ast.expr) -> tuple[int, int]:
    lines = text.splitlines(keepends=True)

    def offset(line: int, column: int) -> int:
        inside = lines[line - 1].encode()[:column].decode()
        return sum(len(before) for before in lines[: line - 1]) + len(inside)

    return offset(node.lineno, node.col_offset), offset(node.end_lineno or 0, node.end_col_offset or 0)
