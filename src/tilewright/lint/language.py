"""What ``triton.language`` offers, by version: names and the parameters of its functions."""

from __future__ import annotations

import difflib
import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources


@cache
def versions() -> Mapping[str, Mapping[str, tuple[str, ...]]]:
    """Return version to name to parameters; the single parameter ``*`` stands for anything."""
    text = resources.files("tilewright.lint").joinpath("triton_language.toml").read_text()
    return {
        version: {name: tuple(items) for name, items in names.items()} for version, names in tomllib.loads(text).items()
    }


def having(name: str) -> tuple[str, ...]:
    """Return the versions that have a name; parts of modules other than ``math`` are taken to exist."""
    head, _, rest = name.partition(".")
    key = name if head == "math" and rest else head
    return tuple(version for version, names in versions().items() if key in names)


def parameters(name: str) -> Mapping[str, tuple[str, ...]]:
    """Return version to parameters for a function, empty where they are not known."""
    found = {version: names[name] for version, names in versions().items() if name in names}
    return {} if any("*" in items for items in found.values()) else found


def nearest(name: str, choices: tuple[str, ...]) -> str:
    """Return the choice that is spelled most like ``name``, or an empty string."""
    return next(iter(difflib.get_close_matches(name, choices, n=1, cutoff=0.75)), "")
