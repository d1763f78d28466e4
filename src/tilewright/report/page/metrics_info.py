"""Profiler metrics before and after against their targets, and what the model and the binary say of both."""

from __future__ import annotations

from collections.abc import Callable

from tilewright.records.stage import Threshold
from tilewright.report import words
from tilewright.report.page.basis import Basis, last_of_kernel
from tilewright.report.page.figures import plain
from tilewright.report.page.model import Block, Part, Points, Sentence
from tilewright.report.page.reading import Form, forms, number, part, text, texts
from tilewright.report.page.tables import table
from tilewright.stages import all_stages

DURATION = "gpu__time_duration.sum"
_ALIKE = 0.005
"""Relative change below which a metric is said to be the same."""
_QUANTITIES: tuple[tuple[str, str, tuple[str, str], Callable[[float], str]], ...] = (
    ("registers a thread", "binary", ("build", "registers_per_thread"), plain),
    ("spilled a thread", "binary", ("build", "spill_bytes"), words.amount),
    ("shared memory of a program", "binary", ("build", "shared_bytes"), lambda value: f"{value:,.0f} B"),
    ("programs of the grid", "predicted", ("estimate", "programs"), plain),
    ("programs an SM", "predicted", ("estimate", "programs_per_sm"), plain),
    ("warps, of the most", "predicted", ("estimate", "occupancy_fraction"), words.percent),
    ("waves", "predicted", ("estimate", "waves"), plain),
    ("L2 hits", "predicted", ("estimate", "l2_hit_fraction"), words.percent),
    ("DRAM traffic", "predicted", ("estimate", "dram_bytes"), words.amount),
)
"""Quantity, where it comes from, where it stands in a document, and how it is written."""


def metrics_block(basis: Basis) -> Block:
    """Measured metrics first; then registers, memory and occupancy as predicted."""
    before = part(basis.measurement, "before", "metrics") or part(basis.document, "measured")
    after = part(basis.measurement, "after", "metrics")
    parts: list[Part] = []
    rows = _measured_rows(before, after)
    if rows:
        columns = ("metric", "kernel", "before", "after", "target", "in words")
        parts.append(table("Nsight Compute's metrics, measured.", columns, rows, numeric=("before", "after", "target")))
    if not after:
        parts.append(Sentence(text=_missing(basis, bool(before))))
    notes = [*texts(basis.measurement, "before", "notes"), *texts(basis.measurement, "after", "notes")]
    if notes:
        parts.append(Points(items=tuple(dict.fromkeys(notes))))
    parts += _model(basis)
    return Block(key="metrics", title="Metrics, before and after", parts=tuple(parts))


def _missing(basis: Basis, given: bool) -> str:
    missing = "of the output" if given else "at all"
    if not basis.finished:
        return f"No metrics {missing}: the run ended before they were taken."
    if basis.measured:
        why = "the profiler did not run; the summary says why" if basis.improved else "it is the input"
        return f"No metrics {missing}: {why}."
    if given:
        return "There are metrics of the input alone, as they were handed in: the output was not run on a GPU."
    return "No metrics: none were handed in, and the run had no GPU."


def _measured_rows(before: Form, after: Form) -> list[tuple[str, ...]]:
    targets = {one.metric: one for stage in all_stages() for one in stage.thresholds}
    kernels = list(dict.fromkeys([*before, *after]))
    rows: list[tuple[str, ...]] = []
    for kernel in kernels:
        own_before, own_after = part(before, kernel), part(after, kernel)
        for metric in dict.fromkeys([*own_before, *own_after]):
            first, last = number(own_before, metric), number(own_after, metric)
            target = targets.get(metric)
            said = _words(metric, first, last, target, measured_after=bool(after))
            shown = (_value(metric, first), _value(metric, last))
            rows.append((metric, kernel, *shown, _target(target), said))
    return rows


def _value(metric: str, value: float | None) -> str:
    if value is None:
        return words.NONE
    if metric == DURATION:
        return words.microseconds(value / 1e3)
    return f"{plain(value)} %" if _is_percent(metric) else plain(value)


def _is_percent(metric: str) -> bool:
    return metric.endswith("pct") or ".pct_of_" in metric


def _target(target: Threshold | None) -> str:
    if target is None or target.value is None:
        return "none fixed"
    return f"{'at least' if target.above else 'at most'} {plain(target.value)} {target.unit}"


def _words(
    metric: str, before: float | None, after: float | None, target: Threshold | None, *, measured_after: bool
) -> str:
    said = []
    if before is not None and after is not None:
        said.append(_direction(metric, before, after))
    elif before is None:
        said.append("not measured before")
    elif measured_after:
        said.append("not measured after")
    last = after if after is not None else before
    if target is not None and target.value is not None and last is not None:
        met = last >= target.value if target.above else last <= target.value
        said.append("reaches the target" if met else "misses the target")
    if target is not None:
        said.append(target.meaning)
    return "; ".join(said)


def _direction(metric: str, before: float, after: float) -> str:
    if abs(after - before) <= _ALIKE * max(abs(before), abs(after)):
        return "same as before"
    way = "up" if after > before else "down"
    if _is_percent(metric):
        return f"{way} by {plain(float(f'{abs(after - before):.3g}'))} points"
    if before == 0:
        return f"{way} from 0"
    return f"{way} by {100 * abs(after - before) / abs(before):.0f} %"


def _model(basis: Basis) -> list[Part]:
    """What is known of input and output without running either: one row a quantity."""
    last = last_of_kernel(basis.accepted)
    rows = []
    for name, kernel in {text(one, "kernel"): one for one in reversed(forms(basis.document, "kernels"))}.items():
        trial = last.get(name, {})
        after = {"estimate": part(trial, "estimate"), "build": _best_build(trial)}
        for quantity, origin, path, said in _QUANTITIES:
            first, second = number(kernel, *path), number(after, *path)
            if first is not None or second is not None:
                cells = (words.NONE if one is None else said(one) for one in (first, second))
                rows.append((quantity, name, *cells, origin))
    if not rows:
        return []
    columns = ("quantity", "kernel", "input", "output", "from")
    caption = "The binary, and what the model predicts of it. Of an autotune list, the entry predicted fastest."
    return [table(caption, columns, rows, numeric=("input", "output"))]


def _best_build(trial: Form) -> Form:
    """The build of the entry whose estimate the trial carries."""
    wanted = number(trial, "estimate", "time_us")
    builds, entries = forms(trial, "builds"), forms(trial, "entry_estimates")
    matching = [build for build, one in zip(builds, entries, strict=False) if number(one, "time_us") == wanted]
    return next(iter(matching or builds), {})
