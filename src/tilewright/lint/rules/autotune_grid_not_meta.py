"""TW302."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.facts import is_block, tuned_launches, varying
from tilewright.lint.model import FileModel, Grid
from tilewright.lint.rule import Bad, Good, Report, Rule
from tilewright.lint.samples import autotuned
from tilewright.lint.tree import dotted, literal, walk
from tilewright.records.finding import Severity

_TWO = "triton.Config({'BLOCK': 64}), triton.Config({'BLOCK': 128})"
_PERSISTENT = "pid = tl.program_id(0)\n    for tile in range(pid, n, tl.num_programs(0)):\n        pass"


class AutotuneGridNotMeta(Rule):
    """Where a block size is tuned the grid depends on the config, so it must be computed from ``META``; a fixed grid
    leaves part of the output unwritten or launches programs with nothing to do.
    """

    code = "TW302"
    name = "autotune-grid-not-meta"
    severity = Severity.ERROR
    examples = (
        Good("from-meta", autotuned(_TWO)),
        Good("meta-by-get", autotuned(_TWO, grid='lambda m: (triton.cdiv(n, m.get("BLOCK")),)')),
        Good(
            "same-block-in-all",
            autotuned("triton.Config({'BLOCK': 64}), triton.Config({'BLOCK': 64}, num_warps=8)", grid="(n // 64,)"),
        ),
        Good("persistent-loop", autotuned(_TWO, grid="(128,)", body=_PERSISTENT)),
        Good("row-per-program", autotuned(_TWO, grid="(n,)", body="row = tl.program_id(0)\n    tl.load(x_ptr + row)")),
        Bad(
            "fixed-grid",
            autotuned(_TWO, grid="(triton.cdiv(n, 64),)", body="offsets = tl.program_id(0) * BLOCK"),
            "BLOCK is tuned",
            line=18,
        ),
        Bad(
            "lambda-without-meta",
            autotuned(_TWO, grid="lambda META: (triton.cdiv(n, 64),)", body="offsets = tl.program_id(0) * BLOCK"),
            "BLOCK is tuned",
        ),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look whether the grid mentions a tuned block that the kernel multiplies its program id with."""
        for site, configs in tuned_launches(file):
            tuned = {name for name in varying(file, configs)[0] if is_block(name)}
            steps = tuned & _tile_steps(file, site.kernel.node)
            if _is_persistent(file, site.kernel.node):
                continue
            for grid in file.grids(site):
                if steps and grid.entries is not None and not (tuned & _meta_names(grid)):
                    names = ", ".join(sorted(steps))
                    yield Report(
                        site.node,
                        f'{names} is tuned and the grid is not computed from it; use `META["{sorted(steps)[0]}"]`',
                    )


def _tile_steps(file: FileModel, kernel: cst.FunctionDef) -> set[str]:
    """Return names that are multiplied with something that comes straight from a program id, in one statement."""
    ids = _ids(file, kernel)
    found = set()
    for node in walk(kernel.body):
        if isinstance(node, cst.BinaryOperation) and isinstance(node.operator, cst.Multiply):
            for one, other in ((node.left, node.right), (node.right, node.left)):
                if _is_program_id(file, one) or dotted(one) in ids:
                    found.add(dotted(other))
    return found


def _ids(file: FileModel, kernel: cst.FunctionDef) -> set[str]:
    """Return the names bound to an expression with a program id in it."""
    return {
        dotted(target.target)
        for node in walk(kernel.body)
        if isinstance(node, cst.Assign) and any(_is_program_id(file, item) for item in walk(node.value))
        for target in node.targets
    }


def _is_persistent(file: FileModel, kernel: cst.FunctionDef) -> bool:
    """Tell whether programs share the work by a loop that starts at their id, so that any grid covers it."""
    ids = _ids(file, kernel)
    for node in walk(kernel.body):
        if isinstance(node, cst.Call) and file.tl_name(node) == "num_programs":
            return True
        if isinstance(node, cst.For) and any(
            dotted(item) in ids or _is_program_id(file, item) for item in walk(node.iter)
        ):
            return True
    return False


def _is_program_id(file: FileModel, node: cst.CSTNode) -> bool:
    return isinstance(node, cst.Call) and file.tl_name(node) == "program_id"


def _meta_names(grid: Grid) -> set[str]:
    """Return every string literal and name that the grid's entries mention."""
    found = set()
    for node in walk(grid.node):
        value = literal(node) if isinstance(node, cst.SimpleString) else dotted(node)
        if isinstance(value, str):
            found.add(value)
        if grid.meta is not None and isinstance(node, cst.Arg) and node.star == "**":
            found.add("**")
    return found
