"""Numbers and units as Nsight Compute prints them, brought to base units (ns, bytes, Hz, plain counts)."""

from __future__ import annotations

import math
import re

_PREFIXES = {"": 1.0, "K": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15}
_TIMES = {
    "ns": 1.0, "nsecond": 1.0, "nanosecond": 1.0, "us": 1e3, "usecond": 1e3, "microsecond": 1e3, "ms": 1e6,
    "msecond": 1e6, "millisecond": 1e6, "s": 1e9, "second": 1e9, "sec": 1e9,
}  # fmt: skip
_PLAIN = {"", "%", "inst", "warp", "block", "thread", "register/thread", "sector", "cycle", "request", "ratio", "sm"}
_NUMBER = re.compile(r"[+-]?(?:\d+(?:[,' \u00a0\u202f]\d{3})+|\d+)?(?:\.\d*)?(?:[eE][+-]?\d+)?")
_ABSENT = {"", "n/a", "na", "nan", "-nan", "inf", "-inf", "no data", "(!) n/a", "(!) nan"}


def read_number(text: str) -> float | None:
    """A number with or without thousands separators (comma, apostrophe, space), or ``None`` for ``n/a`` and its like.

    Raises:
        ValueError: ``text`` is neither.
    """
    bare = text.strip().strip('"').strip()
    if bare.lower() in _ABSENT:
        return None
    if not any(character.isdigit() for character in bare) or _NUMBER.fullmatch(bare) is None:
        raise ValueError(f"{bare!r} is not a number")
    number = float(re.sub(r"[,' \u00a0\u202f]", "", bare))
    return number if math.isfinite(number) else None


def base_factor(unit: str) -> float | None:
    """What a value in ``unit`` is multiplied by to be in the base unit; ``None`` for a unit that is not known.

    Times become ns, sizes bytes (a ``Kbyte`` of the profiler is 1000 bytes), rates per second, counts plain.

    >>> base_factor("usecond"), base_factor("Mbyte"), base_factor("Gbyte/second"), base_factor("%")
    (1000.0, 1000000.0, 1000000000.0, 1.0)
    """
    unit = unit.strip()
    if unit.lower() in _PLAIN:
        return 1.0
    if unit in _TIMES:
        return _TIMES[unit]
    over, slash, under = unit.partition("/")
    top = _prefixed(over)
    if top is None:
        return None
    if not slash:
        return top
    if under in _TIMES:
        return top / (_TIMES[under] / 1e9)
    bottom = _prefixed(under)
    return None if bottom is None else top / bottom


def _prefixed(unit: str) -> float | None:
    """``Mbyte``, ``Ghz``, ``Kinst``: an SI prefix in capitals before a word in small letters."""
    if unit.lower() in ("hz", "byte", "bytes", "b") or unit in _PLAIN or (unit.islower() and unit.isalpha()):
        return 1.0
    head, tail = unit[:1], unit[1:]
    if head in _PREFIXES and tail and tail.isalpha() and (tail.islower() or tail in ("Hz", "B", "iB")):
        return 1024.0 ** ("KMGTP".index(head) + 1) if tail == "iB" else _PREFIXES[head]
    return None
