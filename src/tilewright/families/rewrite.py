"""What every family does with a file's text besides writing its kernel: find launches, sweep up, keep the contract."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

import libcst as cst

from tilewright.records.trial import Refusal
from tilewright.source import tree
from tilewright.source.dead import drop_dead_assignments
from tilewright.source.descriptors import DESCRIPTOR_MAKERS
from tilewright.source.imports import drop_unused_imports
from tilewright.source.launches import LaunchSite, find_launches
from tilewright.source.layout import format_source
from tilewright.source.parts import arrange

NEW_NAME = "__tilewright_new"
"""Ending of a local name that wants to take the place of the input's own, which ``finish`` removes."""

_IMPORTS = {
    "torch": ("torch", "import torch"),
    "triton": ("triton", "import triton"),
    "tl": ("triton.language", "import triton.language as tl"),
    "TensorDescriptor": (
        DESCRIPTOR_MAKERS[0],
        "from triton.tools.tensor_descriptor import TensorDescriptor",
    ),
}


def launch_sites(text: str, kernel: str) -> tuple[LaunchSite, ...] | Refusal:
    """Every launch of ``kernel``, or why they cannot be replaced."""
    sites = tuple(site for site in find_launches(text) if site.kernel == kernel)
    what = f"rewriting the launch of {kernel}"
    if not sites:
        return Refusal(what=what, reason="no call of the form kernel[grid](…) was found in the file")
    for site in sites:
        if site.starred:
            return Refusal(what=what, reason=f"line {site.line} passes {', '.join(site.starred)}: arguments unreadable")
        if not site.statement or not site.function:
            return Refusal(what=what, reason=f"line {site.line} is not a statement of its own inside a function")
    return sites


def unique_names(text: str, wishes: Iterable[str]) -> dict[str, str]:
    """For each wish a name near it that ``text`` does not hold."""
    taken = set(re.findall(r"[A-Za-z_]\w*", text))
    given: dict[str, str] = {}
    for wish in wishes:
        name, count = wish, 1
        while name in taken:
            count += 1
            name = f"{wish}_{count}"
        taken.add(name)
        given[wish] = name
    return given


def finish(before: str, text: str, functions: Sequence[str]) -> str:
    """Sweep up after an edit: dead local names, names that got free, helpers and imports that lost their user, layout.

    Args:
        before: The input's text.
        text: The edited text.
        functions: Dotted places of the wrappers that were edited.
    """
    for function in dict.fromkeys(functions):
        text = drop_dead_assignments(text, function)
    text = _settle_names(text)
    text = _drop_orphans(before, text)
    text = drop_unused_imports(text, among=tree.names_read(tree.parse(before), quoted=True))
    return format_source(arrange(_with_imports(text)))


def _settle_names(text: str) -> str:
    """Take off the NEW_NAME endings: the plain word where it is free by now, a numbered one elsewhere."""
    for name in sorted(set(re.findall(rf"\b(\w+){NEW_NAME}\b", text))):
        chosen = unique_names(re.sub(rf"\b\w+{NEW_NAME}\b", "", text), [name])[name]
        text = re.sub(rf"\b{name}{NEW_NAME}\b", chosen, text)
    return text


def _drop_orphans(before: str, text: str) -> str:
    """Remove helper kernels that were called before the edit and are mentioned nowhere after it."""
    while True:
        module = tree.parse(text)
        helpers = tree.kernels_of(module)
        orphans = [name for name in helpers if _mentions(text, name) == 1 and _mentions(before, name) > 1]
        if not orphans:
            return text
        body = [
            statement
            for statement in module.body
            if not (isinstance(statement, cst.FunctionDef) and statement.name.value in orphans)
        ]
        if len(body) == len(module.body):
            return text
        text = module.with_changes(body=body).code


def _mentions(text: str, name: str) -> int:
    return len(re.findall(rf"\b{re.escape(name)}\b", text))


def _with_imports(text: str) -> str:
    """Import what emitted code names and the file does not import under that name."""
    module = tree.parse(text)
    names = tree.import_names(module)
    used = tree.names_read(module)
    missing = [line for name, (origin, line) in _IMPORTS.items() if name in used and names.get(name) != origin]
    return "\n".join([*missing, text]) if missing else text
