"""Read a profile: JSON by kernel, what ``ncu --csv`` printed, or a report that ncu wrote."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from tilewright.errors import MetricsError, SourceError
from tilewright.profiling.names import exists, name_notes
from tilewright.profiling.ncu_csv import LaunchRow, looks_like_csv, parse_csv
from tilewright.profiling.ncu_rep import is_report, read_report
from tilewright.records.profile import Profile
from tilewright.source.kernel_file import read_text
from tilewright.source.metrics import ReadMetrics, combine_all, match_kernel, metrics_from_value, parse_metrics_json

_REMEDY = 'give JSON {"kernel": {"metric": number}}, the output of `ncu --csv`, or a .ncu-rep'
_TIME = "gpu__time_duration.sum"


def read_metrics(path: str, kernels: tuple[str, ...]) -> Profile:
    """Read the metrics of ``kernels`` from a file; values come in base units (ns, bytes, per second, per cent).

    JSON may name only kernels of the file. What a profiler wrote lists whatever ran, so other kernels in it are passed
    over, as long as one of ours is among them.

    Raises:
        MetricsError: not readable, in neither form, or about other kernels only.
    """
    if is_report(path):
        launches, notes = read_report(path)
        return profile_of_launches(launches, kernels, notes=notes, origin=path)
    try:
        text = read_text(path)
    except SourceError as error:
        raise MetricsError(path, error.line, error.what, _REMEDY) from error
    if not text.strip():
        raise MetricsError(path, 1, "the metrics file is empty", _REMEDY)
    if text.lstrip()[:1] in ("{", "[") or not looks_like_csv(text):
        return _profile(parse_metrics_json(path, text, kernels), path)
    launches, notes = parse_csv(path, text)
    return profile_of_launches(launches, kernels, notes=notes, origin=path)


def metrics_from_mapping(
    metrics: Mapping[str, object], kernels: tuple[str, ...], *, origin: str = "metrics"
) -> Profile:
    """The same from a mapping ``{"kernel": {"metric": value}}``, with a list of such mappings for repeated launches.

    Raises:
        MetricsError: not of this form, or about kernels that the file does not hold.
    """
    return _profile(metrics_from_value(origin, metrics, kernels), origin)


def profile_of_launches(
    launches: Sequence[LaunchRow], kernels: tuple[str, ...], *, notes: tuple[str, ...] = (), origin: str
) -> Profile:
    """The Profile of ``kernels`` from whatever launches a profiler listed.

    Raises:
        MetricsError: none of them is among the launches.
    """
    ours: dict[str, list[dict[str, float]]] = {}
    others: dict[str, int] = {}
    elsewhere_ns = 0.0
    for launch in launches:
        kernel = match_kernel(launch.kernel, kernels)
        if kernel is None:
            others[launch.kernel] = others.get(launch.kernel, 0) + 1
            elsewhere_ns += launch.metrics.get(_TIME, 0.0)
        else:
            ours.setdefault(kernel, []).append(launch.metrics)
    if not ours:
        named = ", ".join(repr(name[:60]) for name in list(others)[:4]) or "no kernel"
        line = launches[0].line if launches else None
        raise MetricsError(origin, line, f"metrics are about {named}", f"the file holds {', '.join(kernels)}")
    said = list(dict.fromkeys(note for note in notes if (match_kernel(note.split(":")[0], kernels) is not None)))
    read = combine_all({name: ours[name] for name in kernels if name in ours}, said)
    if not others:
        return _profile(read, origin)
    took = f", which took {elsewhere_ns / 1e3:,.1f} us together (measured)" if elsewhere_ns else ""
    passed = f"{sum(others.values())} launches of {len(others)} other kernels are passed over{took}"
    return _profile(replace(read, notes=(*read.notes, passed)), origin)


def _profile(read: ReadMetrics, origin: str) -> Profile:
    names = [name for metrics in read.metrics.values() for name in metrics]
    usable = {
        kernel: {name: value for name, value in metrics.items() if exists(name)}
        for kernel, metrics in read.metrics.items()
    }
    return Profile(
        metrics=usable,
        origin=origin,
        notes=(*read.notes, *name_notes(names)),
        times_ns=read.times_ns,
        launches=read.launches,
    )


def grid_sizes(metrics: Mapping[str, Mapping[str, float]]) -> dict[str, int]:
    """Programs of each kernel's launch, of those whose ``launch__grid_size`` was measured."""
    key = "launch__grid_size"
    return {kernel: int(values[key]) for kernel, values in metrics.items() if key in values}
