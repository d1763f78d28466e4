"""Remove local assignments of a wrapper that nothing reads any more."""

from __future__ import annotations

from collections.abc import Sequence

import libcst as cst

from tilewright.source import tree
from tilewright.source.descriptors import DESCRIPTOR_MAKERS
from tilewright.source.layout import leading, with_leading
from tilewright.source.walk import children, inspect

_PURE_CALLS = {"min", "max", "int", "len", "abs", "bool", "float", "range", "tuple", "list",
               "triton.cdiv", "triton.next_power_of_2", "math.ceil", "math.floor", "math.prod"}  # fmt: skip
_NUMBER_CALLS = _PURE_CALLS - {"min", "max", "range", "tuple", "list"}
_PURE_CALLS |= set(DESCRIPTOR_MAKERS)
_PURE_METHODS = {"stride", "size", "numel", "dim", "element_size", "is_contiguous", "bit_length"}
_INTROSPECTION = {"locals", "vars", "eval", "exec", "globals", "dir"}


def drop_dead_assignments(text: str, function: str) -> str:
    """Delete the assignments in ``function`` (``triton_matmul``, ``ModelNew.forward``) whose names nothing reads.

    Only assignments whose right side does nothing but compute a value go: names, attributes, arithmetic, comparisons,
    subscripts, collections, lambdas, and calls of ``min max int len abs bool float range math.* triton.cdiv
    triton.next_power_of_2 x.stride() x.size() x.numel() x.dim() TensorDescriptor TensorDescriptor.from_tensor``. Local
    functions that are never used, and ``if`` and ``for`` statements left empty go too, each with the comment right
    above it. Asserts, raises and every other call stay, and with them all that they read. An
    unpacking goes as a whole or not at all.

    >>> before = '''
    ... def run(x, n):
    ...     # tile
    ...     BLOCK = 64
    ...     BLOCK = min(BLOCK, n)
    ...     if BLOCK > 16:
    ...         BLOCK = 16
    ...     rows, columns = x.shape
    ...     return launch(x, rows)
    ... '''
    >>> print(drop_dead_assignments(before, "run"), end="")
    <BLANKLINE>
    def run(x, n):
        rows, columns = x.shape
        return launch(x, rows)

    Raises:
        ValueError: the file has no such function.
    """
    module = tree.parse(text)
    places = list(tree.functions(module))
    exact = [found for place, found in places if place == function]
    node = next(iter(exact or [found for place, found in places if place.split(".")[-1] == function]), None)
    if node is None:
        raise ValueError(f"no function {function!r}")
    if not isinstance(node.body, cst.IndentedBlock) or tree.names_read(node.body) & _INTROSPECTION:
        return text
    live = _Liveness(node.body, tree.import_names(module)).solve()
    body = _sweep(node.body, live)
    return tree.replace_node(module, node, node.with_changes(body=body)).code


def is_pure(node: cst.CSTNode, imports: dict[str, str]) -> bool:
    """Whether evaluating ``node`` does nothing but compute a value."""
    if isinstance(node, cst.Lambda | cst.Name | cst.BaseNumber | cst.SimpleString | cst.Ellipsis):
        return True
    if isinstance(node, cst.Call):
        if not _calls(node, imports, _PURE_CALLS):
            return False
        owner = [node.func.value] if isinstance(node.func, cst.Attribute) else []
        return all(is_pure(part, imports) for part in (*owner, *(arg.value for arg in node.args)))
    if isinstance(node, cst.Await | cst.Yield | cst.NamedExpr | cst.BaseComp):
        return False
    known = (
        cst.Attribute | cst.BinaryOperation | cst.BooleanOperation | cst.UnaryOperation | cst.Comparison | cst.IfExp
        | cst.Subscript | cst.Tuple | cst.List | cst.Set | cst.Dict | cst.FormattedString | cst.ConcatenatedString
    )  # fmt: skip
    if isinstance(node, known):
        return all(is_pure(child, imports) for child in children(node))
    return not isinstance(node, cst.BaseExpression) and all(is_pure(child, imports) for child in children(node))


def _calls(node: cst.Call, imports: dict[str, str], allowed: set[str]) -> bool:
    if tree.qualified(node.func, imports) in allowed:
        return True
    return isinstance(node.func, cst.Attribute) and node.func.attr.value in _PURE_METHODS


def _is_number(node: cst.CSTNode, imports: dict[str, str]) -> bool:
    """Whether ``node`` surely makes a new value, so that ``x += 1`` after ``x = node`` changes nothing else."""
    if isinstance(node, cst.BaseNumber | cst.BinaryOperation | cst.Comparison | cst.SimpleString):
        return True
    if isinstance(node, cst.IfExp):
        return _is_number(node.body, imports) and _is_number(node.orelse, imports)
    if isinstance(node, cst.UnaryOperation):
        return True
    if isinstance(node, cst.Subscript):
        return isinstance(node.value, cst.Attribute) and node.value.attr.value == "shape"
    if isinstance(node, cst.Call):
        if tree.qualified(node.func, imports) in ("min", "max"):
            return all(_is_number(arg.value, imports) or isinstance(arg.value, cst.Name) for arg in node.args)
        return _calls(node, imports, _NUMBER_CALLS)
    return False


class _Liveness:
    """Finds the statements of one function that have to stay."""

    def __init__(self, body: cst.IndentedBlock, imports: dict[str, str]) -> None:
        self.body, self.imports = body, imports
        self.names: set[str] = set()
        self.kept: set[cst.CSTNode] = set()
        self.outer = _outer_names(body)
        self.numbers = _number_names(body, imports)

    def solve(self) -> set[cst.CSTNode]:
        """Mark to a fixed point: what is kept makes names live, and live names keep their assignments."""
        while True:
            before = len(self.kept), len(self.names)
            for statement in self.body.body:
                self._mark(statement)
            if before == (len(self.kept), len(self.names)):
                return self.kept

    def _keep(self, node: cst.CSTNode, *reads: cst.CSTNode) -> None:
        self.kept.add(node)
        for read in reads or (node,):
            self.names |= tree.names_read(read)

    def _mark(self, node: cst.CSTNode) -> bool:
        """Mark ``node`` if it has to stay; returns whether it does."""
        if isinstance(node, cst.SimpleStatementLine):
            if self._mark_line(node.body):
                self.kept.add(node)
        elif isinstance(node, cst.FunctionDef):
            if node.name.value in self.names or node.decorators:
                self._keep(node)
        elif isinstance(node, cst.If):
            self._mark_if(node)
        elif isinstance(node, cst.For):
            bound = tree.target_names(node.target)
            loose = not is_pure(node.iter, self.imports) or node.orelse is not None or bound is None
            loose = loose or bool(set(bound or ()) & (self.names | self.outer))
            if self._mark_block(node.body) or loose:
                self._keep(node, node.iter, node.target, *([node.orelse] if node.orelse else []))
        else:
            self._keep(node)
            _keep_all(node, self.kept)
        return node in self.kept

    def _mark_line(self, statements: Sequence[cst.BaseSmallStatement]) -> bool:
        """Statements on one line stay or go together."""
        marks = [self._mark_small(statement) for statement in statements]
        if not any(marks):
            return False
        for statement in statements:
            self._keep(statement)
        return True

    def _mark_block(self, block: cst.BaseSuite) -> bool:
        if isinstance(block, cst.SimpleStatementSuite):
            return self._mark_line(block.body)
        marks = [self._mark(statement) for statement in block.body]
        return any(marks)

    def _mark_if(self, node: cst.If) -> None:
        inner = self._mark_block(node.body)
        if isinstance(node.orelse, cst.If):
            inner = self._mark(node.orelse) or inner
        elif node.orelse is not None and self._mark_block(node.orelse.body):
            self.kept.add(node.orelse)
            inner = True
        if inner or not is_pure(node.test, self.imports):
            self._keep(node, node.test)

    def _mark_small(self, node: cst.BaseSmallStatement) -> bool:
        if isinstance(node, cst.Pass):
            return False
        if isinstance(node, cst.Expr) and isinstance(node.value, cst.SimpleString):
            return True
        targets: Sequence[cst.CSTNode] = ()
        value: cst.CSTNode | None = None
        if isinstance(node, cst.Assign):
            targets, value = [target.target for target in node.targets], node.value
        elif isinstance(node, cst.AnnAssign | cst.AugAssign):
            targets, value = [node.target], node.value
        bound = [tree.target_names(target) for target in targets]
        names = {name for part in bound if part is not None for name in part}
        removable = bool(targets) and None not in bound and (value is None or is_pure(value, self.imports))
        if isinstance(node, cst.AugAssign):
            removable = removable and names <= self.numbers
        return not removable or bool(names & (self.names | self.outer))


def _keep_all(node: cst.CSTNode, kept: set[cst.CSTNode]) -> None:
    for child in children(node):
        kept.add(child)
        _keep_all(child, kept)


def _outer_names(body: cst.CSTNode) -> set[str]:
    """Names under ``global`` and ``nonlocal``: others may read them."""
    names: set[str] = set()

    class Outer(cst.CSTVisitor):
        def visit_NameItem(self, node: cst.NameItem) -> None:  # noqa: N802
            names.add(node.name.value)

    inspect(body, Outer())
    return names


def _number_names(body: cst.CSTNode, imports: dict[str, str]) -> set[str]:
    """Names that are only ever bound to new values by plain assignments."""
    fresh: set[str] = set()
    other: set[str] = set()

    class Bindings(cst.CSTVisitor):
        def visit_Assign(self, node: cst.Assign) -> None:  # noqa: N802
            for target in node.targets:
                names = tree.target_names(target.target) or ()
                shape = isinstance(node.value, cst.Attribute) and node.value.attr.value == "shape"
                new = _is_number(node.value, imports) or (shape and not isinstance(target.target, cst.Name))
                (fresh if new else other).update(names)

        def visit_For(self, node: cst.For) -> None:  # noqa: N802
            other.update(tree.target_names(node.target) or ())

    inspect(body, Bindings())
    return fresh - other


def _sweep(block: cst.IndentedBlock, kept: set[cst.CSTNode]) -> cst.IndentedBlock:
    """``block`` without the statements that need not stay."""
    body: list[tree.TopLevel] = []
    owed = False
    for statement in block.body:
        if statement not in kept:
            owed = owed or any(line.comment is None for line in leading(statement)[:1])
            continue
        swept = _sweep_one(statement, kept)
        if owed and not leading(swept) and body:
            swept = with_leading(swept, [cst.EmptyLine(indent=False)])
        owed = False
        body.append(swept)
    if not body:
        return block.with_changes(body=[cst.SimpleStatementLine(body=[cst.Pass()])])
    return block.with_changes(body=body)


def _sweep_one(statement: tree.TopLevel, kept: set[cst.CSTNode]) -> tree.TopLevel:
    if isinstance(statement, cst.If):
        return _sweep_if(statement, kept)
    if isinstance(statement, cst.For) and isinstance(statement.body, cst.IndentedBlock):
        return statement.with_changes(body=_sweep(statement.body, kept))
    return statement


def _sweep_if(node: cst.If, kept: set[cst.CSTNode]) -> cst.If:
    orelse: cst.If | cst.Else | None = None
    if isinstance(node.orelse, cst.If) and node.orelse in kept:
        orelse = _sweep_if(node.orelse, kept)
    elif isinstance(node.orelse, cst.Else) and node.orelse in kept:
        inner = node.orelse.body
        orelse = node.orelse.with_changes(body=_sweep(inner, kept) if isinstance(inner, cst.IndentedBlock) else inner)
    empty = not any(statement in kept for statement in node.body.body)
    if empty and isinstance(orelse, cst.Else):
        return node.with_changes(test=_negated(node.test), body=orelse.body, orelse=None,
                                 whitespace_before_test=cst.SimpleWhitespace(" "))  # fmt: skip
    body = _sweep(node.body, kept) if isinstance(node.body, cst.IndentedBlock) else node.body
    return node.with_changes(body=body, orelse=orelse)


def _negated(test: cst.BaseExpression) -> cst.BaseExpression:
    if isinstance(test, cst.UnaryOperation) and isinstance(test.operator, cst.Not):
        return test.expression
    plain = isinstance(test, cst.Name | cst.Attribute | cst.Call | cst.Subscript) or bool(test.lpar)
    inner = test if plain else test.with_changes(lpar=[cst.LeftParen()], rpar=[cst.RightParen()])
    return cst.UnaryOperation(operator=cst.Not(), expression=inner)
