"""Finds a GPU by the names that people give it."""

from __future__ import annotations

import dataclasses
import difflib
import functools
import re
from collections.abc import Mapping
from importlib import resources

from tilewright.errors import PluginError, UnknownGpuError
from tilewright.records.target import Target
from tilewright.targets.schema import FIELDS, Entry, parse_entry

GIVEN = "given with the request"
"""The source of a number that did not come from the catalog."""
_NOT_COMPARED = frozenset({"name", "title", "sources"})
_BRANDS = re.compile(r"\b(nvidia|geforce|tesla|generation)\b")


def names() -> tuple[str, ...]:
    """Return the catalog's names, sorted."""
    return tuple(sorted(entries()))


def load(name: str, overrides: Mapping[str, object] | None = None) -> Target:
    """Return the target that ``name`` means.

    Args:
        name: As people write it: ``4090``, ``rtx4090``, ``RTX 4090``, ``NVIDIA GeForce RTX 4090``. A name that several
            GPUs share means the one whose file lists it as an alias: ``A100`` the one of 80 GB, ``H100`` the SXM one.
        overrides: Field of Target to value, in the field's own unit. They win over the catalog.

    Raises:
        UnknownGpuError: No such GPU; carries the three nearest names.
        ValueError: An override names no field of a Target.
    """
    entry = entries().get(_known().get(normalise(name), ""))
    if entry is None:
        raise UnknownGpuError(name, _nearest(name))
    return _overridden(entry.target, overrides or {})


def differences(target: Target, overrides: Mapping[str, object]) -> tuple[str, ...]:
    """Word what ``overrides`` changes about a catalog's target, one line a field, in the order of Target's fields."""
    lines = []
    for field in dataclasses.fields(Target):
        if field.name not in overrides or field.name in _NOT_COMPARED:
            continue
        given, known = overrides[field.name], getattr(target, field.name)
        if not _same(given, known):
            lines.append(f"{field.name}: {_said(given)} given, {_said(known)} in the catalog ({target.name})")
    return tuple(lines)


def normalise(name: str) -> str:
    """Reduce a name to what tells GPUs apart: no brand, no case, no spaces or punctuation."""
    return re.sub(r"[^a-z0-9]", "", _BRANDS.sub(" ", name.lower()))


@functools.cache
def entries() -> Mapping[str, Entry]:
    """Read the whole catalog: name to entry, in the order of the names.

    Raises:
        PluginError: A file is broken.
    """
    folder = resources.files("tilewright.targets") / "catalog"
    files = sorted((file for file in folder.iterdir() if file.name.endswith(".toml")), key=lambda file: file.name)
    found = [parse_entry(file.read_text(encoding="utf-8"), file.name) for file in files]
    return {entry.target.name: entry for entry in found}


def index(catalog: Mapping[str, Entry]) -> dict[str, str]:
    """Map each normalised name, title and alias to the GPU that it means.

    Raises:
        PluginError: Two GPUs claim one name.
    """
    known: dict[str, str] = {}
    for name, entry in catalog.items():
        for alias in (name, entry.target.title, *entry.aliases):
            owner = known.setdefault(normalise(alias), name)
            if owner != name:
                raise PluginError(f"{name}.toml: {alias!r} already means {owner}")
    return known


@functools.cache
def _known() -> Mapping[str, str]:
    return index(entries())


def _nearest(name: str) -> tuple[str, ...]:
    close = difflib.get_close_matches(normalise(name), _known(), n=12, cutoff=0.5)
    return tuple(dict.fromkeys(_known()[alias] for alias in close))[:3]


def _overridden(target: Target, overrides: Mapping[str, object]) -> Target:
    fields = {field.name for field in dataclasses.fields(Target)} - {"sources"}
    unknown = sorted(overrides.keys() - fields)
    if unknown:
        raise ValueError(f"no such field of a target: {', '.join(unknown)}")
    sources = {**target.sources, **{name: GIVEN for name in overrides if name in FIELDS}}
    return dataclasses.replace(target, **overrides, sources=sources)  # type: ignore[arg-type]


def _same(given: object, known: object) -> bool:
    if isinstance(given, str) and isinstance(known, str):
        return given.casefold() == known.casefold()
    if isinstance(given, list | tuple) and isinstance(known, tuple):
        return tuple(given) == known
    return given == known


def _said(value: object) -> str:
    if isinstance(value, tuple | list):
        return ".".join(str(part) for part in value)
    if isinstance(value, int) and value >= 10_000:
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else "none" if value is None else str(value)
