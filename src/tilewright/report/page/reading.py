"""Take values out of a run's document, which may be old, partial or not ours: what is missing is no error."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any

Form = Mapping[str, Any]
_KEPT = "\n\t"
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Zl", "Zp"}
"""Categories of characters that show nothing, or change the order in which others are shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A value with its interval."""

    value: float
    low: float
    high: float


def visible(text: str) -> str:
    """The text with every character written out that would hide, or turn round, what stands beside it."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        f"\u27e8U+{ord(one):04X}\u27e9" if one not in _KEPT and unicodedata.category(one) in _HIDDEN else one
        for one in text
    )


def cleaned(value: Any) -> Any:
    """A document whose texts are all :func:`visible`, line ends as ``\\n``."""
    if isinstance(value, str):
        return visible(value.replace("\r\n", "\n"))
    if isinstance(value, Mapping):
        return {visible(str(key)): cleaned(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [cleaned(item) for item in value]
    return value


def find(form: object, *path: str) -> Any:
    """What stands under the path; ``None`` where there is nothing."""
    for key in path:
        form = form.get(key) if isinstance(form, Mapping) else None
    return form


def part(form: object, *path: str) -> Form:
    """An object under the path; empty where there is none."""
    found = find(form, *path)
    return found if isinstance(found, Mapping) else {}


def items(form: object, *path: str) -> list[Any]:
    """A list under the path; empty where there is none."""
    found = find(form, *path)
    return list(found) if isinstance(found, list | tuple) else []


def forms(form: object, *path: str) -> list[Form]:
    """The objects of a list under the path."""
    return [item for item in items(form, *path) if isinstance(item, Mapping)]


def texts(form: object, *path: str) -> list[str]:
    """The texts of a list under the path."""
    return [item for item in items(form, *path) if isinstance(item, str) and item]


def numbers(form: object, *path: str) -> list[float]:
    """The finite numbers of a list under the path."""
    return [value for item in items(form, *path) if (value := number({"": item}, "")) is not None]


def text(form: object, *path: str, default: str = "") -> str:
    """A text under the path."""
    found = find(form, *path)
    return found if isinstance(found, str) and found else default


def number(form: object, *path: str) -> float | None:
    """A finite number under the path."""
    found = find(form, *path)
    if isinstance(found, bool) or not isinstance(found, int | float) or not isfinite(found):
        return None
    return float(found)


def figure(form: object, *path: str) -> Figure | None:
    """A value with its interval, as ``value``, ``low`` and ``high``, or a predicted ``ratio`` or ``time_us``."""
    found = part(form, *path)
    value = next((one for key in ("value", "ratio") if (one := number(found, key)) is not None), None)
    return _positive(value, number(found, "low"), number(found, "high"))


def estimated(form: object, *path: str) -> Figure | None:
    """The time of an Estimate, in us."""
    found = part(form, *path)
    return _positive(*(number(found, key) for key in ("time_us", "low_us", "high_us")))


def _positive(value: float | None, low: float | None, high: float | None) -> Figure | None:
    """Times and ratios are above zero; what is not is no figure."""
    if value is None or low is None or high is None or min(value, low, high) <= 0:
        return None
    return Figure(value=value, low=low, high=high)
