"""Find the rules: every module of ``tilewright.lint.rules``, in order of the code."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Iterable, Iterator
from functools import cache
from types import ModuleType

from tilewright.errors import PluginError
from tilewright.lint import rules
from tilewright.lint.rule import Rule


def discover(package: ModuleType) -> tuple[Rule, ...]:
    """Return one instance of every rule in ``package``, sorted by code.

    Raises:
        PluginError: A module does not import, holds no rule, or two rules share a code or a name.
    """
    found: list[Rule] = []
    for info in sorted(pkgutil.iter_modules(package.__path__), key=lambda item: item.name):
        full = f"{package.__name__}.{info.name}"
        try:
            module = importlib.import_module(full)
        except ImportError as error:
            raise PluginError(f"{full} does not import: {error}") from error
        here = list(_rules_of(module))
        if not here:
            raise PluginError(f"{full} holds no rule")
        found.extend(here)
    _refuse_twins(found)
    return tuple(sorted(found, key=lambda item: item.code))


def _rules_of(module: ModuleType) -> Iterator[Rule]:
    for value in vars(module).values():
        if inspect.isclass(value) and issubclass(value, Rule) and value.__module__ == module.__name__:
            missing = [
                fact for fact in ("code", "name", "severity", "examples", "__doc__") if not getattr(value, fact, None)
            ]
            if missing or inspect.isabstract(value):
                raise PluginError(
                    f"{module.__name__}.{value.__name__} does not declare {', '.join(missing) or 'check'}"
                )
            yield value()


def _refuse_twins(found: Iterable[Rule]) -> None:
    seen: dict[str, str] = {}
    for rule in found:
        for fact in (rule.code, rule.name):
            if fact in seen:
                raise PluginError(f"{type(rule).__name__} and {seen[fact]} both claim {fact!r}")
            seen[fact] = type(rule).__name__


@cache
def all_rules() -> tuple[Rule, ...]:
    """Return every rule of Tilewright, sorted by code."""
    return discover(rules)
