"""Remove imports that nothing uses."""

from __future__ import annotations

from collections.abc import Collection

import libcst as cst

from tilewright.source import tree

_WANTED = ("torch", "torch.nn", "triton", "triton.language")


def drop_unused_imports(text: str, among: Collection[str] | None = None) -> str:
    """Delete module-level imports that nothing uses; torch, torch.nn, triton and triton.language stay (the contract).

    Where ``among`` is given, only names among those go.

    >>> print(drop_unused_imports("import os, math\\nimport triton\\nx = math.pi\\n"), end="")
    import math
    import triton
    x = math.pi
    """
    module = tree.parse(text)
    used = tree.names_read(module, quoted=True)
    if among is not None:
        used |= tree.import_names(module).keys() - set(among)
    body: list[tree.TopLevel] = []
    for statement in module.body:
        small = [_used_part(part, used) for part in tree.small_statements(statement)]
        if isinstance(statement, cst.SimpleStatementLine):
            kept = [part for part in small if part is not None]
            if not kept:
                continue
            kept[-1] = kept[-1].with_changes(semicolon=cst.MaybeSentinel.DEFAULT)
            statement = statement.with_changes(body=kept)
        body.append(statement)
    return module.with_changes(body=body).code


def _used_part(part: cst.BaseSmallStatement, used: set[str]) -> cst.BaseSmallStatement | None:
    if not isinstance(part, cst.Import | cst.ImportFrom) or isinstance(part.names, cst.ImportStar):
        return part
    if isinstance(part, cst.ImportFrom) and tree.dotted(part.module) == "__future__":
        return part
    kept = []
    for alias in part.names:
        bound = tree.bound_imports(part.with_changes(names=[alias.with_changes(comma=cst.MaybeSentinel.DEFAULT)]))
        whole = isinstance(part, cst.Import) and tree.dotted(alias.name) in _WANTED
        if whole or "torch.nn" in bound.values() or "triton.language" in bound.values() or used & set(bound):
            kept.append(alias)
    if not kept:
        return None
    if len(kept) == len(part.names):
        return part
    kept[-1] = kept[-1].with_changes(comma=cst.MaybeSentinel.DEFAULT)
    return part.with_changes(names=kept)
