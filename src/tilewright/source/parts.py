"""The parts of a kernel file, and a file in the order that the output contract asks for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum

import libcst as cst
from libcst.metadata import MetadataWrapper, PositionProvider

from tilewright.source import tree
from tilewright.source.dependencies import Dependencies, depend
from tilewright.source.edit import defined_names
from tilewright.source.layout import is_import, leading, space_top_level, with_leading


class Part(IntEnum):
    """What a top-level statement is; the order is the contract's."""

    IMPORT = 0
    CONSTANT = 1
    KERNEL = 2
    WRAPPER = 3
    MODEL = 4
    OTHER = 5
    """Tests, ``if __name__``, get_inputs, get_init_inputs, the reference Model: no part of the output."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Section:
    """One top-level statement. Lines count from 1 and include decorators."""

    part: Part
    names: tuple[str, ...]
    first_line: int
    last_line: int


_INPUTS = ("get_inputs", "get_init_inputs")
_TESTING = ("test", "bench", "check", "verify", "main", "profile", "compare", "demo", "run_test", "run_bench")
_FIRST = ("torch", "torch.nn", "triton", "triton.language")


def sections(text: str) -> tuple[Section, ...]:
    """Classify every top-level statement, in order of the file.

    Raises:
        SourceError: ``text`` is not Python.
    """
    wrapper = MetadataWrapper(tree.parse(text), unsafe_skip_copy=True)
    positions = wrapper.resolve(PositionProvider)
    body = list(wrapper.module.body)
    parts = _classify(wrapper.module, body, depend(body))
    found: list[Section] = []
    for statement, part in zip(body, parts, strict=True):
        decorators = getattr(statement, "decorators", ())
        first = _line(positions[decorators[0] if decorators else statement], "start")
        last = max(first, _line(positions[statement], "end"))
        found.append(Section(part=part, names=defined_names(statement), first_line=first, last_line=last))
    return tuple(found)


def _line(place: object, side: str) -> int:
    """First or last line of a place; a compound statement is said to end at column 0 of the line after it."""
    position = getattr(place, side)
    return int(position.line) - (1 if side == "end" and position.column == 0 else 0)


def _classify(module: cst.Module, body: Sequence[tree.TopLevel], needs: Dependencies) -> list[Part]:
    imports = tree.import_names(module)
    parts = [_plain_part(statement, imports) for statement in body]
    launching = _launching(body, tree.kernels_of(module))
    roots = [n for n, part in enumerate(parts) if _is_root(part, n in launching)]
    wanted = needs.closure(roots)
    for n, statement in enumerate(body):
        if n in wanted:
            if parts[n] is Part.OTHER:
                parts[n] = Part.WRAPPER if isinstance(statement, cst.FunctionDef | cst.ClassDef) else Part.CONSTANT
        elif parts[n] is Part.WRAPPER:
            parts[n] = Part.OTHER
    _drop_orphans(parts, needs, wanted)
    return parts


def _is_root(part: Part, launches: bool) -> bool:
    """Whether a statement is there for its own sake."""
    return part in (Part.MODEL, Part.KERNEL) or (part is Part.WRAPPER and launches)


def _drop_orphans(parts: list[Part], needs: Dependencies, wanted: set[int]) -> None:
    """A constant that only dropped parts use, or that calls into the file's own code unasked, is testing code."""
    constants = [n for n, part in enumerate(parts) if part is Part.CONSTANT and n not in wanted]
    for n in constants:
        if any(parts[need] not in (Part.IMPORT, Part.CONSTANT) for need in needs.closure([n])):
            parts[n] = Part.OTHER
    while True:
        kept = [n for n, part in enumerate(parts) if part is not Part.OTHER]
        used = {need for n in kept for need in needs.uses(n)}
        users = {need for n in range(len(parts)) for need in needs.uses(n)}
        orphans = [n for n in constants if parts[n] is Part.CONSTANT and n in users and n not in used]
        if not orphans:
            return
        for n in orphans:
            parts[n] = Part.OTHER


def _plain_part(statement: tree.TopLevel, imports: Mapping[str, str]) -> Part:
    """The part that a statement looks like by itself."""
    if is_import(statement) or _guards_imports(statement):
        return Part.IMPORT
    if tree.is_kernel(statement, imports):
        return Part.KERNEL
    if isinstance(statement, cst.ClassDef):
        name = statement.name.value
        return Part.MODEL if name == "ModelNew" else Part.OTHER if name == "Model" else Part.WRAPPER
    if isinstance(statement, cst.FunctionDef):
        return Part.OTHER if _is_testing(statement.name.value) else Part.WRAPPER
    return _loose_part(statement, imports)


def _loose_part(statement: tree.TopLevel, imports: Mapping[str, str]) -> Part:
    """Assignments, settings, and what else stands at top level."""
    if isinstance(statement, cst.If):
        if "__name__" in tree.names_read(statement.test):
            return Part.OTHER
        return Part.CONSTANT if defined_names(statement) else Part.OTHER
    for small in tree.small_statements(statement):
        if isinstance(small, cst.Expr):
            if isinstance(small.value, cst.BaseString | cst.Ellipsis) or not _is_setting(small.value, imports):
                return Part.OTHER
        elif not isinstance(small, cst.Assign | cst.AnnAssign | cst.AugAssign | cst.Import | cst.ImportFrom | cst.Pass):
            return Part.OTHER
    return Part.CONSTANT if isinstance(statement, cst.SimpleStatementLine) else Part.OTHER


def _is_setting(value: cst.BaseExpression, imports: Mapping[str, str]) -> bool:
    """A call into a module, as in ``torch.set_float32_matmul_precision("high")``: it may change results."""
    name = tree.qualified(value.func, imports) if isinstance(value, cst.Call) else None
    if name is None or name.startswith(("torch.testing.", "unittest.", "pytest.")):
        return False
    root = (tree.dotted(value.func) or "").split(".")[0] if isinstance(value, cst.Call) else ""
    return root in imports


def _guards_imports(statement: tree.TopLevel) -> bool:
    """``try: import x`` with its fallback, or ``if TYPE_CHECKING: import x``."""
    if not isinstance(statement, cst.Try | cst.If):
        return False
    return bool(statement.body.body) and all(is_import(inner) for inner in statement.body.body)


def _is_testing(name: str) -> bool:
    bare = name.lstrip("_").lower()
    return name in _INPUTS or bare in _TESTING or bare.startswith(tuple(f"{word}_" for word in _TESTING))


def _launching(body: Sequence[tree.TopLevel], kernels: Mapping[str, object]) -> set[int]:
    return {n for n, statement in enumerate(body) if tree.names_read(statement) & set(kernels)}


def arrange(text: str) -> str:
    """Write a file in contract order: imports, constants, kernels (callee before caller), wrappers, ModelNew.

    torch, torch.nn, triton and triton.language are imported first. A constant or function that something needs while
    the file is imported (a decorator's configurations, a base class) comes before what needs it. Tests, ``__main__``,
    get_inputs, get_init_inputs and an unused reference Model go. Kept statements keep their text and comments, and
    arranging twice changes nothing more.

    >>> before = "class ModelNew: pass\\nimport triton\\nimport torch\\nif __name__ == '__main__': pass\\n"
    >>> print(arrange(before), end="")
    import torch
    import triton
    <BLANKLINE>
    <BLANKLINE>
    class ModelNew: pass

    Raises:
        SourceError: ``text`` is not Python.
    """
    module = tree.parse(text)
    top, body = _split_header(module)
    docstring: list[tree.TopLevel] = []
    if module.get_docstring() is not None and body:
        docstring, body = [body[0]], body[1:]
    needs = depend(body)
    parts = _classify(module.with_changes(body=body), body, needs)
    order = _order(body, parts, needs)
    arranged: list[tree.TopLevel] = [*docstring, *(body[n] for n in order)]
    if not arranged:
        return text
    dropped_last = bool(parts) and parts[-1] is Part.OTHER
    arranged = space_top_level(arranged)
    arranged[0] = with_leading(arranged[0], _without_blanks(leading(arranged[0])))
    header = [*top, cst.EmptyLine(indent=False)] if top else []
    footer = () if dropped_last or not any(line.comment for line in module.footer) else module.footer
    return module.with_changes(header=header, body=arranged, footer=footer).code.rstrip("\n") + "\n"


def _split_header(module: cst.Module) -> tuple[list[cst.EmptyLine], list[tree.TopLevel]]:
    """Comments that belong to the file, and the statements with the comments that belong to the first of them.

    The comment block right above the first statement is the statement's, unless it starts the file: then it is a
    licence or a title.
    """
    lines = list(module.header)
    body: list[tree.TopLevel] = list(module.body)
    cut = next((n for n in range(len(lines), 0, -1) if lines[n - 1].comment is None), len(lines))
    top, own = lines[:cut], lines[cut:]
    while top and top[-1].comment is None:
        top.pop()
    if body and own:
        body[0] = with_leading(body[0], [*own, *leading(body[0])])
    return _without_blanks(top), body


def _without_blanks(lines: Sequence[cst.EmptyLine]) -> list[cst.EmptyLine]:
    kept = list(lines)
    while kept and kept[0].comment is None:
        kept.pop(0)
    return kept


def _order(body: Sequence[tree.TopLevel], parts: Sequence[Part], needs: Dependencies) -> list[int]:
    """Positions of the kept statements in contract order, each after what it needs to be imported."""
    kept = {n for n, part in enumerate(parts) if part is not Part.OTHER}
    rank: dict[int, tuple[int, int, int]] = {}
    for n in sorted(kept):
        part = parts[n]
        if part is Part.CONSTANT:
            deep = [parts[need] for need in needs.closure([n], importing=True) if need != n and need in kept]
            part = max([Part.CONSTANT, *deep])
        rank[n] = (int(part), _import_rank(body[n]) if part is Part.IMPORT else 0, n)
    order: list[int] = []
    placed: set[int] = set()

    def place(n: int, waiting: frozenset[int]) -> None:
        if n in placed or n in waiting or n not in kept:
            return
        first = set(needs.imports(n))
        if parts[n] is Part.KERNEL:
            first |= {need for need in needs.uses(n) if parts[need] is Part.KERNEL}
        for need in sorted(first & kept, key=rank.__getitem__):
            place(need, waiting | {n})
        if n not in placed:
            placed.add(n)
            order.append(n)

    for n in sorted(kept, key=rank.__getitem__):
        place(n, frozenset())
    return order


def _import_rank(statement: tree.TopLevel) -> int:
    """``__future__`` first, then torch, torch.nn, triton and triton.language, then the rest as they stood."""
    for small in tree.small_statements(statement):
        if isinstance(small, cst.ImportFrom):
            origin = tree.dotted(small.module)
            if origin == "__future__":
                return -1
            names = (
                [] if isinstance(small.names, cst.ImportStar) else [tree.dotted(alias.name) for alias in small.names]
            )
            for name in names:
                if f"{origin}.{name}" in _FIRST:
                    return _FIRST.index(f"{origin}.{name}")
        elif isinstance(small, cst.Import):
            first = tree.dotted(small.names[0].name)
            if first in _FIRST:
                return _FIRST.index(first)
    return len(_FIRST)
