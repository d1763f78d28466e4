"""Profiler metrics in JSON: ``{"kernel": {"metric": value}}``."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from tilewright.errors import MetricsError

_FORM = 'write {"kernel": {"metric": number}}'
_TIME = "gpu__time_duration.sum"


@dataclass(frozen=True, slots=True, kw_only=True)
class ReadMetrics:
    """Metrics with what has to be said about them."""

    metrics: dict[str, dict[str, float]]
    notes: tuple[str, ...] = ()
    times_ns: dict[str, float] = field(default_factory=dict)
    """Device time of all of a kernel's launches together; of those whose every launch has a time."""
    launches: dict[str, int] = field(default_factory=dict)


class _Repeated(list[object]):
    """Values of a name that one JSON object holds several times."""


def parse_metrics_json(path: str, text: str, kernels: Sequence[str], first_line: int = 1) -> ReadMetrics:
    """Read the JSON at the start of ``text``; what follows it is not looked at.

    Args:
        path: What to call the file in messages.
        text: JSON, after blank lines perhaps.
        kernels: Names of the kernels that the file holds.
        first_line: Line of ``path`` on which ``text`` begins.

    Raises:
        MetricsError: not JSON, not of this form, or about kernels that the file does not hold.
    """
    start = len(text) - len(text.lstrip())
    try:
        value, _ = json.JSONDecoder(object_pairs_hook=_pairs).raw_decode(text, start)
    except json.JSONDecodeError as error:
        line = first_line + error.lineno - 1
        raise MetricsError(path, line, f"metrics are not JSON: {error.msg.lower()}", _FORM) from error
    except RecursionError as error:
        raise MetricsError(path, first_line, "metrics are nested too deeply", _FORM) from error
    return metrics_from_value(path, value, kernels, text=text, first_line=first_line)


def _pairs(pairs: list[tuple[str, object]]) -> dict[str, object]:
    found: dict[str, object] = {}
    for name, value in pairs:
        if name in found:
            held = found[name]
            found[name] = _Repeated([*held, value] if isinstance(held, _Repeated) else [held, value])
        else:
            found[name] = value
    return found


def metrics_from_value(
    path: str, value: object, kernels: Sequence[str], *, text: str = "", first_line: int | None = None
) -> ReadMetrics:
    """Check decoded JSON and combine repeated launches; ``text`` serves to find lines for messages.

    Raises:
        MetricsError: not of this form, or about kernels that the file does not hold.
    """
    if not isinstance(value, Mapping):
        raise MetricsError(path, first_line, f"metrics are {_kind(value)}, not an object by kernel", _FORM)
    held = ", ".join(kernels)
    found: dict[str, list[dict[str, float]]] = {}
    notes: list[str] = []
    for name, entry in value.items():
        line = _line_of(text, str(name), first_line)
        kernel = match_kernel(str(name), kernels)
        if kernel is None:
            raise MetricsError(
                path, line, f"metrics name a kernel {name!r} that the file does not hold", f"it holds {held}"
            )
        listed = isinstance(entry, Sequence) and not isinstance(entry, str | bytes)
        found[kernel] = [_launch(path, line, str(name), one, notes) for one in (entry if listed else [entry])]
    return combine_all(found, notes)


def combine_all(found: Mapping[str, Sequence[Mapping[str, float]]], notes: Sequence[str] = ()) -> ReadMetrics:
    """One value a metric of every kernel, with its launches' total time; ``notes`` are put first."""
    metrics, said = {}, list(notes)
    for kernel, launches in found.items():
        metrics[kernel], more = combine(kernel, launches)
        said += more
    timed = {kernel: [one.get(_TIME, 0.0) for one in launches] for kernel, launches in found.items()}
    return ReadMetrics(
        metrics=metrics,
        notes=tuple(said),
        times_ns={kernel: math.fsum(times) for kernel, times in timed.items() if times and all(t > 0 for t in times)},
        launches={kernel: len(launches) for kernel, launches in found.items()},
    )


def _launch(path: str, line: int | None, name: str, entry: object, notes: list[str]) -> dict[str, float]:
    if not isinstance(entry, Mapping):
        raise MetricsError(path, line, f"metrics of {name!r} are {_kind(entry)}, not an object by metric", _FORM)
    found: dict[str, float] = {}
    for metric, number in entry.items():
        if number is None or (isinstance(number, float) and not math.isfinite(number)):
            notes.append(f"{name}: {metric} has no value and is left out")
        elif isinstance(number, bool) or not isinstance(number, int | float):
            what = f"{metric} of {name!r} is {_kind(number)}, not a number"
            raise MetricsError(path, line, what, "give every metric a plain number in its base unit")
        else:
            found[str(metric)] = float(number)
    return found


def combine(kernel: str, launches: Sequence[Mapping[str, float]]) -> tuple[dict[str, float], tuple[str, ...]]:
    """One value a metric out of several launches, and what was done in words.

    Ratios and percentages are weighted by time where every launch has ``gpu__time_duration.sum``; sums, launch
    figures and times themselves, and everything where times are missing, are plain means.
    """
    if len(launches) == 1:
        return dict(launches[0]), ()
    names = list(dict.fromkeys(name for launch in launches for name in launch))
    times = [launch.get(_TIME, 0.0) for launch in launches]
    weighted = bool(launches) and all(time > 0 for time in times)
    combined: dict[str, float] = {}
    for name in names:
        plain = not weighted or name.endswith(".sum") or name.startswith("launch__")
        pairs = [(1.0 if plain else time, one[name]) for time, one in zip(times, launches, strict=True) if name in one]
        combined[name] = math.fsum(w * v for w, v in pairs) / math.fsum(w for w, _ in pairs)
    if not launches:
        return combined, (f"{kernel}: no launch is listed",)
    how = "weighted by time (sums and launch figures: plain mean)" if weighted else "plain mean; no time is given"
    notes = [f"{kernel}: {len(launches)} launches combined, {how}"]
    sizes = sorted({launch["launch__grid_size"] for launch in launches if "launch__grid_size" in launch})
    if len(sizes) > 1:
        notes.append(f"{kernel}: its launches have different grids, {sizes[0]:g} to {sizes[-1]:g} programs")
    return combined, tuple(notes)


def match_kernel(name: str, kernels: Iterable[str]) -> str | None:
    """The kernel that a profiler's name means.

    Profilers show the function's name, some with a signature (``name(…)``), and older Triton appended the
    specialisation (``name_0d1d2de``).
    """
    bare = name.split("(")[0].strip().split(" ")[-1]
    known = tuple(kernels)
    if bare in known:
        return bare
    for kernel in sorted(known, key=len, reverse=True):
        suffix = bare.removeprefix(kernel + "_") if bare.startswith(kernel + "_") else ""
        if suffix and suffix[0].isdigit() and not set(suffix) - set("0123456789cde"):
            return kernel
    return None


def _kind(value: object) -> str:
    if value is None:
        return "null"
    kinds = {bool: "a truth value", str: "a string", dict: "an object", int: "a number", float: "a number"}
    return kinds.get(type(value), "a list" if isinstance(value, list) else f"a {type(value).__name__}")


def _line_of(text: str, name: str, first_line: int | None) -> int | None:
    position = text.find(json.dumps(name, ensure_ascii=False))
    return first_line if first_line is None or position < 0 else first_line + text.count("\n", 0, position)
