"""The metrics that Tilewright asks a profiler for, where each exists, and which to ask for."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

from tilewright.errors import PluginError
from tilewright.records.stage import Stage
from tilewright.records.target import Target

TIME = "gpu__time_duration.sum"
CORE = (
    TIME,
    "sm__throughput.avg.pct_of_peak_sustained_elapsed",
    "sm__warps_active.avg.pct_of_peak_sustained_active",
    "dram__throughput.avg.pct_of_peak_sustained_elapsed",
    "lts__t_sector_hit_rate.pct",
    "sm__pipe_tensor_cycles_active.avg.pct_of_peak_sustained_active",
    "l1tex__data_bank_conflicts_pipe_lsu_mem_shared.sum",
    "launch__grid_size",
    "launch__registers_per_thread",
)
"""What a whole run is looked at with, before and after."""

_CHIPS = {
    (7, 0): "gv100", (7, 5): "tu102", (8, 0): "ga100", (8, 6): "ga102", (8, 9): "ad102", (9, 0): "gh100",
    (10, 0): "gb100", (12, 0): "gb202",
}  # fmt: skip


@dataclass(frozen=True, slots=True, kw_only=True)
class Metric:
    """One name of the profiler's."""

    name: str
    unit: str
    meaning: str
    chips: tuple[tuple[int, int], tuple[int, int]]
    """First and last compute capability that has it."""
    checked: tuple[tuple[int, int], ...]
    """Where the name was seen to resolve; elsewhere it is taken over by the family's naming."""
    source: str
    instead: str = ""
    """The name that says the same on chips that lack this one."""
    computed: bool = False
    """Worked out by the profiler from the launch: no counter, and none of the names that it lists by chip."""

    def exists_on(self, capability: tuple[int, int]) -> bool:
        """Whether chips of this compute capability have it."""
        first, last = self.chips
        return first <= capability <= last


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A name that is widely copied and that no chip has."""

    name: str
    instead: str = ""
    every_suffix: bool = False
    """Whether every name that begins so is missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Catalog:
    metrics: Mapping[str, Metric]
    missing: tuple[Missing, ...]


def all_metrics() -> Mapping[str, Metric]:
    """Every metric of the catalog by its name."""
    return _catalog().metrics


def missing(name: str) -> Missing | None:
    """What is known of a name that no chip has; ``None`` for all others."""
    for one in _catalog().missing:
        if name == one.name or (one.every_suffix and name.startswith(one.name)):
            return one
    return None


def chip_name(capability: tuple[int, int]) -> str:
    """What the profiler calls the largest chip of a compute capability; empty where that is not known."""
    return _CHIPS.get(capability, "")


def metrics_of(stage: Stage | None, target: Target) -> tuple[str, ...]:
    """Return the metrics to ask for on ``target``: the stage's, or the core set; the time first.

    Args:
        stage: whose metrics; ``None`` for those that a whole run is looked at with.
        target: names that its chip does not have are replaced by those that say the same there, or left out.
    """
    return valid_names(CORE if stage is None else stage.metrics, target.compute_capability)[0]


def valid_names(names: Iterable[str], capability: tuple[int, int]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return the names that can be asked for on a chip, the time first, and what was said about the others.

    A name that is not in the catalog is let through: the profiler knows thousands.
    """
    kept, notes = [TIME], []
    known = all_metrics()
    for name in names:
        gone = missing(name)
        if gone is not None:
            notes.append(_missing_note(name, gone))
            name = gone.instead
        metric = known.get(name)
        if metric is not None and not metric.exists_on(capability):
            chip = f"compute capability {capability[0]}.{capability[1]}"
            instead = known.get(metric.instead)
            usable = instead is not None and instead.exists_on(capability)
            notes.append(f"{name} does not exist on {chip}" + (f"; {metric.instead} is read instead" if usable else ""))
            name = metric.instead if usable else ""
        if name:
            kept.append(name)
    return tuple(dict.fromkeys(kept)), tuple(notes)


def _missing_note(name: str, gone: Missing) -> str:
    meant = f"; {gone.instead} is read instead" if gone.instead else ""
    return f"{name} exists on no chip that was checked{meant}"


@cache
def _catalog() -> _Catalog:
    text = (files("tilewright.profiling") / "catalog.toml").read_text(encoding="utf-8")
    try:
        content = tomllib.loads(text)
        metrics = [_metric(entry) for entry in content["metric"]]
        gone = tuple(Missing(**entry) for entry in content["missing"])
    except (tomllib.TOMLDecodeError, KeyError, TypeError, ValueError) as error:
        raise PluginError(f"profiling/catalog.toml does not load: {type(error).__name__}: {error}") from error
    by_name = {metric.name: metric for metric in metrics}
    if len(by_name) != len(metrics):
        raise PluginError("profiling/catalog.toml holds a metric twice")
    return _Catalog(metrics=by_name, missing=gone)


def _metric(entry: Mapping[str, Any]) -> Metric:
    first, last = (_capability(one) for one in entry["chips"])
    checked = tuple(_capability(one) for one in entry["checked"])
    return Metric(**{**entry, "chips": (first, last), "checked": checked})


def _capability(text: str) -> tuple[int, int]:
    major, _, minor = text.partition(".")
    return int(major), int(minor)
