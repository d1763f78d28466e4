"""Which top-level statements of a file need which others, while it is imported and when it runs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import libcst as cst

from tilewright.source import tree
from tilewright.source.edit import defined_names


@dataclass(frozen=True, slots=True, kw_only=True)
class Dependencies:
    """Statements by their position in the file."""

    importing: tuple[frozenset[int], ...]
    running: tuple[frozenset[int], ...]

    def imports(self, n: int) -> frozenset[int]:
        """Statements that have to stand before statement ``n``, or importing the file would fail or differ."""
        return self.importing[n]

    def uses(self, n: int) -> frozenset[int]:
        """Statements that statement ``n`` mentions at all, function bodies included."""
        return self.running[n]

    def closure(self, start: Iterable[int], *, importing: bool = False) -> set[int]:
        """``start`` and all that it needs, directly or not."""
        edges = self.importing if importing else self.running
        found: set[int] = set()
        queue = list(start)
        while queue:
            n = queue.pop()
            if n not in found:
                found.add(n)
                queue += edges[n]
        return found


def depend(body: Sequence[tree.TopLevel]) -> Dependencies:
    """Work out what needs what among top-level statements."""
    binders: dict[str, list[int]] = {}
    for n, statement in enumerate(body):
        for name in {*defined_names(statement), *_stored_into(statement)}:
            binders.setdefault(name, []).append(n)
    running = [_positions(tree.names_read(statement, quoted=True), binders) for statement in body]
    for positions in binders.values():
        for n in positions:
            running[n] |= set(positions)
    own = {name: positions for name, positions in binders.items() if not _imported(name, positions, body)}
    importing = [_import_needs(n, statement, body, own, running) for n, statement in enumerate(body)]
    for positions in own.values():
        _order_rebinding(positions, body, importing)
    return Dependencies(
        importing=tuple(frozenset(needs - {n}) for n, needs in enumerate(importing)),
        running=tuple(frozenset(needs - {n}) for n, needs in enumerate(running)),
    )


def _imported(name: str, positions: Sequence[int], body: Sequence[tree.TopLevel]) -> bool:
    """Whether an import binds ``name``: imports come first anyway, and a setting on a module orders nothing."""
    imports = [part for n in positions for part in tree.small_statements(body[n])]
    return any(isinstance(part, cst.Import | cst.ImportFrom) and name in tree.bound_imports(part) for part in imports)


def _positions(names: Iterable[str], binders: dict[str, list[int]]) -> set[int]:
    return {n for name in names for n in binders.get(name, ())}


def _import_needs(
    n: int,
    statement: tree.TopLevel,
    body: Sequence[tree.TopLevel],
    binders: dict[str, list[int]],
    running: Sequence[set[int]],
) -> set[int]:
    """What statement ``n`` reads while the file is imported; a function it reads may run then, with all it uses."""
    names = _names_at_import(statement)
    direct = {position for name in names for position in _reaching(binders.get(name, []), n)}
    needs: set[int] = set()
    queue = list(direct)
    while queue:
        position = queue.pop()
        if position in needs or position == n:
            continue
        needs.add(position)
        if isinstance(body[position], cst.FunctionDef) and position < n:
            queue += [other for other in running[position] if other < n]
    return needs


def _reaching(positions: Sequence[int], n: int) -> list[int]:
    """The bindings that stand before ``n``; where none does, the name is bound later and nothing is certain."""
    return [position for position in positions if position < n]


def _order_rebinding(positions: Sequence[int], body: Sequence[tree.TopLevel], importing: list[set[int]]) -> None:
    """Keep several bindings of one name in order, and what read the earlier one before the later one."""
    for earlier, later in pairwise(positions):
        importing[later].add(earlier)
        for reader in range(earlier + 1, later):
            if earlier in importing[reader]:
                importing[later].add(reader)


def _stored_into(statement: tree.TopLevel) -> set[str]:
    """Own names whose object a top-level assignment changes: ``kernel`` in ``kernel.attr = x``; not modules."""
    names: set[str] = set()
    for small in tree.small_statements(statement):
        targets = small.targets if isinstance(small, cst.Assign) else ()
        for target in targets:
            owner = tree.dotted(target.target)
            if owner is not None and "." in owner:
                names.add(owner.split(".")[0])
    return names


def _names_at_import(statement: tree.TopLevel) -> set[str]:
    """Names that are read while the statement is executed: for a function not those of its body."""
    if isinstance(statement, cst.FunctionDef):
        parts: list[cst.CSTNode] = [*statement.decorators, statement.params]
        if statement.returns is not None:
            parts.append(statement.returns)
        return {name for part in parts for name in tree.names_read(part)}
    if isinstance(statement, cst.ClassDef):
        names = {
            name
            for part in (*statement.decorators, *statement.bases, *statement.keywords)
            for name in tree.names_read(part)
        }
        for inner in statement.body.body:
            if isinstance(inner, cst.BaseStatement):
                names |= _names_at_import(inner)
        return names
    return tree.names_read(statement)
