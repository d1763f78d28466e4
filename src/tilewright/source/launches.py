"""Where wrappers launch kernels, and how to put something else in the place of a launch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from tilewright.source import syntax, tree
from tilewright.source.layout import leading, with_leading
from tilewright.source.walk import children, inspect

_NO_SEMICOLON = cst.MaybeSentinel.DEFAULT


@dataclass(frozen=True, slots=True, kw_only=True)
class KernelParameter:
    """A parameter of a kernel; texts as written in the file."""

    name: str
    is_constexpr: bool
    default: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class LaunchSite:
    """One ``kernel[grid](…)`` in a file. Lines and columns belong to the text it was found in, from 1 and from 0."""

    kernel: str
    function: str
    """Dotted place of the function it stands in (``ModelNew.forward``); empty at top level."""
    line: int
    column: int
    grid: str
    """The grid expression as written; often just a local name."""
    arguments: Mapping[str, str]
    """Kernel parameter to argument text, in the order of the call."""
    options: Mapping[str, str]
    """Keywords that are no parameters of the kernel: num_warps, num_stages, num_ctas, …"""
    starred: tuple[str, ...] = ()
    """``*args`` and ``**kwargs`` of the call, as written: what they bind cannot be read off."""
    statement: bool = True
    """Whether the launch is a statement of its own (and not, say, the right side of an assignment)."""


def parameters(text: str, kernel: str) -> tuple[KernelParameter, ...]:
    """Parameters of ``kernel`` in order.

    >>> source = "import triton\\n@triton.jit\\ndef k(x_ptr, n, BLOCK: tl.constexpr = 64): pass\\n"
    >>> [(p.name, p.is_constexpr, p.default) for p in parameters(source, "k")]
    [('x_ptr', False, None), ('n', False, None), ('BLOCK', True, '64')]

    Raises:
        ValueError: the file has no such kernel.
    """
    module = tree.parse(text)
    found = tree.kernels_of(module)
    if kernel not in found:
        raise ValueError(f"no kernel {kernel!r} among {', '.join(found) or 'none'}")
    return _parameters(found[kernel], tree.import_names(module))


def _parameters(function: cst.FunctionDef, imports: Mapping[str, str]) -> tuple[KernelParameter, ...]:
    params = function.params
    return tuple(
        KernelParameter(
            name=param.name.value,
            is_constexpr=param.annotation is not None and _is_constexpr(param.annotation.annotation, imports),
            default=tree.code(param.default) if param.default is not None else None,
        )
        for param in (*params.posonly_params, *params.params, *params.kwonly_params)
    )


def _is_constexpr(annotation: cst.BaseExpression, imports: Mapping[str, str]) -> bool:
    if isinstance(annotation, cst.SimpleString):
        return str(syntax.literal(annotation.value)).split(".")[-1] == "constexpr"
    if isinstance(annotation, cst.Subscript):
        annotation = annotation.value
    name = tree.qualified(annotation, imports)
    return name is not None and name.split(".")[-1] == "constexpr"


def find_launches(text: str) -> tuple[LaunchSite, ...]:
    """Every ``kernel[grid](args…)`` whose kernel the file defines, in order of the file.

    >>> source = '''
    ... import triton
    ... @triton.jit
    ... def k(x, n, B: tl.constexpr): pass
    ... def run(x):
    ...     k[(4,)](x, x.numel(), B=64, num_warps=8)
    ... '''
    >>> site = find_launches(source)[0]
    >>> site.kernel, site.function, site.line, site.grid
    ('k', 'run', 6, '(4,)')
    >>> dict(site.arguments), dict(site.options)
    ({'x': 'x', 'n': 'x.numel()', 'B': '64'}, {'num_warps': '8'})
    """
    return tuple(site for site, _ in _sites(tree.parse(text)))


@lru_cache(maxsize=8)
def _sites(module: cst.Module) -> list[tuple[LaunchSite, cst.Call]]:
    wrapper = MetadataWrapper(module, unsafe_skip_copy=True)
    finder = _Finder(wrapper.module, wrapper.resolve(PositionProvider))
    inspect(wrapper.module, finder)
    return sorted(finder.found, key=lambda pair: (pair[0].line, pair[0].column))


class _Finder(cst.CSTVisitor):
    """Collects launches with the function they stand in."""

    def __init__(self, module: cst.Module, positions: Mapping[cst.CSTNode, object]) -> None:
        super().__init__()
        imports = tree.import_names(module)
        self.parameters = {name: _parameters(node, imports) for name, node in tree.kernels_of(module).items()}
        self.positions = positions
        self.place: list[str] = []
        self.statements: set[cst.CSTNode] = set()
        self.found: list[tuple[LaunchSite, cst.Call]] = []

    def visit_ClassDef(self, node: cst.ClassDef) -> None:  # noqa: N802
        self.place.append(node.name.value)

    def leave_ClassDef(self, original_node: cst.ClassDef) -> None:  # noqa: N802
        self.place.pop()

    def visit_FunctionDef(self, node: cst.FunctionDef) -> None:  # noqa: N802
        self.place.append(node.name.value)

    def leave_FunctionDef(self, original_node: cst.FunctionDef) -> None:  # noqa: N802
        self.place.pop()

    def visit_Expr(self, node: cst.Expr) -> None:  # noqa: N802
        self.statements.add(node.value)

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802
        if not isinstance(node.func, cst.Subscript):
            return
        name = tree.dotted(node.func.value)
        if name not in self.parameters:
            return
        start = getattr(self.positions[node], "start")  # noqa: B009 - CodeRange without a cast
        arguments, options, starred = _bind(self.parameters[name], node.args)
        site = LaunchSite(
            kernel=name,
            function=".".join(self.place),
            line=start.line,
            column=start.column,
            grid=_index(node.func),
            arguments=arguments,
            options=options,
            starred=starred,
            statement=node in self.statements,
        )
        self.found.append((site, node))


def _index(subscript: cst.Subscript) -> str:
    """Text between the brackets: a bare ``a, b`` becomes ``(a, b)``."""
    elements = [tree.code(element.slice) for element in subscript.slice]
    if len(elements) == 1 and not isinstance(subscript.slice[0].comma, cst.Comma):
        return elements[0]
    return f"({', '.join(elements)}{',' if len(elements) == 1 else ''})"


def _bind(
    known: Sequence[KernelParameter], args: Sequence[cst.Arg]
) -> tuple[dict[str, str], dict[str, str], tuple[str, ...]]:
    """Arguments by parameter, other keywords, and starred ones; positionals after a ``*args`` stay unbound."""
    names = [parameter.name for parameter in known]
    arguments: dict[str, str] = {}
    options: dict[str, str] = {}
    starred: list[str] = []
    position = 0
    for arg in args:
        text = tree.code(arg.value)
        if arg.star:
            starred.append(arg.star + text)
        elif arg.keyword is not None:
            (arguments if arg.keyword.value in names else options)[arg.keyword.value] = text
        elif position < len(names) and not starred:
            arguments[names[position]] = text
            position += 1
        else:
            starred.append(text)
    return arguments, options, tuple(starred)


def replace_launch(text: str, site: LaunchSite, statements: str) -> str:
    """Put ``statements`` in the place of the statement that launches, at its indentation.

    The comment above the launch stays unless ``statements`` begin with a comment of their own. A site is good only for
    the text it was found in: where several launches go, replace the last first, or find them again.

    >>> before = "@jit\\ndef k(x): pass\\ndef run(x):\\n    # go\\n    k[(1,)](x)\\n    return x\\n"
    >>> print(replace_launch(before, find_launches(before)[0], "grid = (2,)\\nk[grid](x)"), end="")
    @jit
    def k(x): pass
    def run(x):
        # go
        grid = (2,)
        k[grid](x)
        return x

    Raises:
        ValueError: no such launch stands there, or ``statements`` are empty.
    """
    module = tree.parse(text)
    place = (site.line, site.column, site.kernel)
    call = next((node for found, node in _sites(module) if (found.line, found.column, found.kernel) == place), None)
    if call is None:
        raise ValueError(f"no launch of {site.kernel} at line {site.line}: sites are good only for their own text")
    new = tree.parse_statements(statements)
    if not new:
        raise ValueError("no statements to put in the place of the launch")
    return tree.transform_around(module, call, _ReplaceStatement(call, new)).code


class _ReplaceStatement(cst.CSTTransformer):
    """Replaces the statement that contains one call."""

    def __init__(self, call: cst.Call, new: Sequence[tree.TopLevel]) -> None:
        super().__init__()
        self.call, self.new = call, new
        self.inside = False

    def leave_Call(self, original_node: cst.Call, updated_node: cst.Call) -> cst.Call:  # noqa: N802
        self.inside = self.inside or original_node is self.call
        return updated_node

    def leave_SimpleStatementLine(  # noqa: N802
        self, original_node: cst.SimpleStatementLine, updated_node: cst.SimpleStatementLine
    ) -> cst.SimpleStatementLine | cst.FlattenSentinel[tree.TopLevel]:
        if not self.inside:
            return updated_node
        self.inside = False
        own = any(line.comment is not None for line in leading(self.new[0]))
        kept = [line for line in updated_node.leading_lines if line.comment is None] if own else None
        above = [*kept[:1], *leading(self.new[0])] if kept is not None else list(updated_node.leading_lines)
        first = with_leading(self.new[0], above)
        before, after = self._others(original_node.body)
        return cst.FlattenSentinel([*before, first, *self.new[1:], *after])

    def _others(self, line: Sequence[cst.BaseSmallStatement]) -> tuple[list[tree.TopLevel], list[tree.TopLevel]]:
        """Statements before and after the launch on its own line (``x = 1; k[grid](x); y = 2``)."""
        here = next(n for n, small in enumerate(line) if _contains(small, self.call))
        alone = [cst.SimpleStatementLine(body=[small.with_changes(semicolon=_NO_SEMICOLON)]) for small in line]
        return list(alone[:here]), list(alone[here + 1 :])

    def leave_SimpleStatementSuite(  # noqa: N802
        self, original_node: cst.SimpleStatementSuite, updated_node: cst.SimpleStatementSuite
    ) -> cst.BaseSuite:
        if not self.inside:
            return updated_node
        self.inside = False
        before, after = self._others(original_node.body)
        return cst.IndentedBlock(body=[*before, *self.new, *after])


def _contains(node: cst.CSTNode, wanted: cst.CSTNode) -> bool:
    return node is wanted or any(_contains(child, wanted) for child in children(node))
