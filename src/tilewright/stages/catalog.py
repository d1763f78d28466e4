"""Read the stages from their files, and hold changes of a Schedule against them."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import fields, replace
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable
from typing import Any

from tilewright.errors import PluginError, UnknownStageError
from tilewright.records.schedule import Schedule
from tilewright.records.stage import Stage, Threshold

UNOWNED_FIELDS = frozenset({"input_precision"})
"""Arithmetic is the user's to choose, not a stage's."""
ARITHMETIC_FIELDS = frozenset({"operand_dtype"})
"""Fields that change arithmetic: their stage may change them where the user's precision policy lets it."""
SAME = "same"
"""The policy that asks for the input's own arithmetic."""


@cache
def all_stages() -> tuple[Stage, ...]:
    """Return every stage, in the order in which they are run.

    Raises:
        PluginError: a stage's file does not load, or the stages do not share the Schedule out exactly.
    """
    return load_stages(files("tilewright.stages") / "data")


def load_stages(folder: Traversable) -> tuple[Stage, ...]:
    """Return the stages that a folder of TOML files describes, checked against each other."""
    paths = sorted((path for path in folder.iterdir() if path.name.endswith(".toml")), key=lambda path: path.name)
    stages = tuple(sorted((_read(path) for path in paths), key=lambda stage: stage.position))
    _check(stages)
    return stages


def get(name: str) -> Stage:
    """Return the stage of that name.

    Raises:
        UnknownStageError: there is none; the error names all there are.
    """
    stages = all_stages()
    for stage in stages:
        if stage.name == name:
            return stage
    raise UnknownStageError(name, tuple(stage.name for stage in stages))


def open_fields(names: Iterable[str], precision: str) -> tuple[str, ...]:
    """Return those of the Schedule fields that a precision policy leaves open."""
    return tuple(name for name in names if precision != SAME or name not in ARITHMETIC_FIELDS)


def under_policy(stages: Iterable[Stage], precision: str) -> tuple[Stage, ...]:
    """Return the stages, each with the fields that a precision policy leaves open."""
    return tuple(replace(stage, fields=open_fields(stage.fields, precision)) for stage in stages)


def owner(field: str) -> Stage | None:
    """Return the stage that owns a Schedule field; ``None`` for one that no stage may change."""
    return next((stage for stage in all_stages() if field in stage.fields), None)


def foreign_changes(stage: Stage, before: Schedule, after: Schedule, *, tuned: tuple[str, ...] = ()) -> tuple[str, ...]:
    """Return the fields that differ although this stage may not change them, in the order of the Schedule.

    Args:
        stage: the stage at work.
        before: the Schedule it was given.
        after: the Schedule it answers with.
        tuned: fields that the emitted file leaves to an autotune list. They may differ when they all lie within one
            of the stage's tunable groups; a selection across groups allows nothing.
    """
    allowed = set(stage.fields)
    if any(set(tuned) <= set(group) for group in stage.tunable):
        allowed |= set(tuned)
    changed = (field.name for field in fields(Schedule) if getattr(before, field.name) != getattr(after, field.name))
    return tuple(name for name in changed if name not in allowed)


def _read(path: Traversable) -> Stage:
    try:
        return _stage(tomllib.loads(path.read_text(encoding="utf-8")))
    except (tomllib.TOMLDecodeError, KeyError, TypeError) as error:
        raise PluginError(f"stage file {path.name} does not load: {type(error).__name__}: {error}") from error


def _stage(content: Mapping[str, Any]) -> Stage:
    lists = {key: tuple(content[key]) for key in ("fields", "guidelines", "safety_rules", "autotune_rules", "metrics")}
    return Stage(
        name=content["name"],
        position=content["position"],
        focus=content["focus"],
        tunable=tuple(tuple(group) for group in content["tunable"]),
        thresholds=tuple(Threshold(**{"value": None, **threshold}) for threshold in content["thresholds"]),
        **lists,
    )


def _check(stages: tuple[Stage, ...]) -> None:
    """Every Schedule field but the unowned has one owner; names and positions are each used once."""
    known = {field.name for field in fields(Schedule)}
    owned = [name for stage in stages for name in stage.fields]
    tunable = {name for stage in stages for group in stage.tunable for name in group}
    faults = [f"{name} is no field of Schedule" for name in sorted({*owned, *tunable} - known)]
    faults += [f"{name} has more than one owner" for name in sorted({name for name in owned if owned.count(name) > 1})]
    faults += [f"{name} has no owner" for name in sorted(known - UNOWNED_FIELDS - set(owned))]
    faults += [f"{name} may have no owner" for name in sorted(UNOWNED_FIELDS & set(owned))]
    for what in ("name", "position"):
        values = [getattr(stage, what) for stage in stages]
        faults += [
            f"two stages have the {what} {value}" for value in sorted({v for v in values if values.count(v) > 1})
        ]
    if faults:
        raise PluginError("stages: " + "; ".join(faults))
