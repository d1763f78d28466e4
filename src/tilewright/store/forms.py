"""Records as JSON, and back: what comes back equals what went in, floats that are no numbers included."""

from __future__ import annotations

import hashlib
import json
import types
from enum import Enum
from functools import cache
from math import isfinite
from typing import Any, TypeVar, Union, get_args, get_origin

from cattrs import Converter

T = TypeVar("T")
_SIMPLE = (int, float, bool, str, type(None))
_RECORD = "record"
"""Key under which one of several records says its class."""
_FLOAT = "float"
"""Key of ``{"float": "inf"}``: JSON itself has no such number."""


def to_form(record: object) -> Any:
    """A record as JSON values."""
    return _converter().unstructure(record)


def from_form(kind: type[T], form: object) -> T:
    """The record of a class that :func:`to_form` wrote."""
    return _converter().structure(form, kind)


def to_json(record: object) -> str:
    """A record as JSON text; mappings keep their order."""
    return json.dumps(to_form(record), separators=(",", ":"), allow_nan=False)


def from_json(kind: type[T], text: str) -> T:
    """The record that :func:`to_json` wrote."""
    return from_form(kind, json.loads(text))


def digest(record: object) -> str:
    """SHA-256 of a record, in hexadecimal: the same for equal records, however their mappings are ordered."""
    text = json.dumps(to_form(record), sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def _converter() -> Converter:
    converter = Converter(detailed_validation=False)
    converter.register_unstructure_hook(float, _from_float)
    converter.register_structure_hook(float, lambda value, _: _to_value(value))
    converter.register_structure_hook_func(_is_simple_union, lambda value, _: _to_value(value))
    converter.register_unstructure_hook_func(_is_simple_union, _from_value)
    converter.register_structure_hook_func(lambda kind: kind is object, lambda value, _: _to_value(value))
    converter.register_unstructure_hook_func(lambda kind: kind is object, _from_value)
    converter.register_unstructure_hook_func(_is_record_union, lambda value: _from_one_of(converter, value))
    converter.register_structure_hook_func(_is_record_union, lambda form, kind: _to_one_of(converter, form, kind))
    return converter


def _from_float(value: float) -> object:
    return value if isfinite(value) else {_FLOAT: repr(float(value))}


def _from_value(value: Any) -> Any:
    """JSON of a plain value, whatever its field was declared as."""
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, float):
        return _from_float(value)
    if isinstance(value, tuple | list):
        return [_from_value(item) for item in value]
    if isinstance(value, dict):
        return {str(name): _from_value(item) for name, item in value.items()}
    return value


def _to_value(value: Any) -> Any:
    if isinstance(value, dict):
        if value.keys() == {_FLOAT}:
            return float(value[_FLOAT])
        return {name: _to_value(item) for name, item in value.items()}
    return tuple(_to_value(item) for item in value) if isinstance(value, list) else value


def _members(kind: Any) -> tuple[Any, ...]:
    return get_args(kind) if get_origin(kind) in {Union, types.UnionType} else ()


def _is_simple_union(kind: Any) -> bool:
    """A union of numbers, texts and tuples of them: JSON says itself which one a value is."""
    members = _members(kind)
    return bool(members) and all(one in _SIMPLE or get_origin(one) is tuple for one in members)


def _is_record_union(kind: Any) -> bool:
    records = [one for one in _members(kind) if one is not type(None)]
    return len(records) > 1 and all(isinstance(one, type) and hasattr(one, "__dataclass_fields__") for one in records)


def _from_one_of(converter: Converter, value: Any) -> Any:
    return None if value is None else {_RECORD: type(value).__name__, **converter.unstructure(value)}


def _to_one_of(converter: Converter, form: Any, kind: Any) -> Any:
    if form is None:
        return None
    known = {one.__name__: one for one in _members(kind)}
    return converter.structure({name: item for name, item in form.items() if name != _RECORD}, known[form[_RECORD]])
