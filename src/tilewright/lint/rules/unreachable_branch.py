"""TW511."""

from __future__ import annotations

from collections.abc import Iterator

import libcst as cst

from tilewright.lint.model import FileModel
from tilewright.lint.rule import HEADER, Bad, Good, Report, Rule
from tilewright.lint.trace import Trace, traces
from tilewright.lint.tree import statements, walk
from tilewright.records.finding import Severity


def _file(half: str, wide: str) -> str:
    return f"""{HEADER}@triton.jit
def kernel(x_ptr, HALF: tl.constexpr, WIDE: tl.constexpr):
    if HALF:
        if WIDE:
            tl.store(x_ptr, 1.0)
        else:
            tl.store(x_ptr, 2.0)


def run(x, wide):
    kernel[(1,)](x, HALF={half}, WIDE={wide})
"""


class UnreachableBranch(Rule):
    """A branch that no launch can reach is code that was never compiled, so it may be broken without anyone knowing,
    and the path its author meant to be fast is not the one that runs.
    """

    code = "TW511"
    name = "unreachable-branch"
    severity = Severity.WARNING
    examples = (
        Good("both-reached", _file("x.dtype == torch.float16", "wide")),
        Good("flag-that-never-varies", _file("True", "False")),
        Good("flags-that-meet", _file("x.dtype != torch.float64", "x.dtype == torch.float32")),
        Bad(
            "flags-that-exclude-each-other",
            _file("x.dtype == torch.float16", "x.dtype == torch.float32"),
            "never true",
            line=10,
        ),
        Bad("else-side", _file("x.dtype == torch.float16", "x.dtype != torch.float32"), "never false", line=13),
    )

    def check(self, file: FileModel) -> Iterator[Report]:
        """Look at each branch of each kernel over all dtypes that its launches can have."""
        for kernel in file.launched:
            walks = [item for item in traces(file) if item.specialisation.kernel is kernel and item.specialisation.site]
            for node in walk(kernel.node.body):
                if isinstance(node, cst.If) and self._varies(node, walks):
                    yield from self._report(file, node, walks)

    def _report(self, file: FileModel, node: cst.If, walks: list[Trace]) -> Iterator[Report]:
        taken = {side for item in walks for side in item.decided.get(node, ())}
        if len(taken) != 1 or any(node in item.undecided for item in walks):
            return
        names = sorted(_names(node.test))
        test = file.tree.code(node.test)
        if taken == {False}:
            first = statements(node.body)[0]
            yield Report(
                _place(file, node, first), f"`{test}` is never true here for any dtype: this branch is unreachable"
            )
        elif node.orelse is not None and names:
            inner = node.orelse if isinstance(node.orelse, cst.If) else statements(node.orelse.body)[0]
            yield Report(inner, f"`{test}` is never false here for any dtype: this branch is unreachable")

    def _varies(self, node: cst.If, walks: list[Trace]) -> bool:
        """Tell whether some name in the condition takes more than one value over the launches."""
        names = _names(node.test)
        return any(
            len({repr(item.specialisation.constants[name]) for item in walks if name in item.specialisation.constants})
            > 1
            for name in names
        )


def _place(file: FileModel, node: cst.If, first: cst.CSTNode) -> cst.CSTNode:
    """Return where to report: the ``if`` itself, its first statement where the ``if`` is an ``elif``."""
    return first if isinstance(file.tree.parents.get(node), cst.If) else node


def _names(test: cst.BaseExpression) -> set[str]:
    return {item.value for item in walk(test) if isinstance(item, cst.Name)}
