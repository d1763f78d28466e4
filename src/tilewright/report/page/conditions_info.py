"""Where the figures were taken: every time of both files, clocks, power, and versions."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.report import words
from tilewright.report.page import figures
from tilewright.report.page.basis import Basis
from tilewright.report.page.model import Block, Facts, Grid, Part, Sentence
from tilewright.report.page.reading import Form, figure, forms, number, numbers, part, text, texts


def conditions_block(basis: Basis) -> Block:
    """GPU, clocks and versions; all four times of both files."""
    comparison = part(basis.measurement, "comparison")
    sides = ("input", "output")
    if not comparison:
        comparison, sides = _last_comparison(basis), ("before the last step compared", "after it")
    parts: list[Part] = []
    if comparison:
        parts += _times(comparison, sides)
        parts += _clocks(comparison)
    else:
        why = "the run had no GPU" if not basis.measured else "no comparison was made"
        parts.append(Sentence(text=f"No clocks were read: {why}."))
    rows = [("Target", text(basis.document, "gpu", "title"))]
    rows.append(("Device", text(comparison, "device") or text(basis.measurement, "device")))
    rows.append(("Driver", text(comparison, "driver")))
    versions = {
        **part(basis.document, "certificate", "versions"),
        **part(comparison, "versions"),
        **part(basis.document, "versions"),
    }
    rows += [(f"{name}", str(value)) for name, value in versions.items()]
    built = sorted({text(one, "build", "triton_version") for one in forms(basis.document, "kernels")} - {""})
    ptxas = sorted({text(one, "build", "ptxas_version") for one in forms(basis.document, "kernels")} - {""})
    rows += [("Triton of the binaries", ", ".join(built)), ("ptxas of the binaries", ", ".join(ptxas))]
    parts.append(Facts(rows=tuple((name, value) for name, value in rows if value)))
    return Block(key="conditions", title="Clocks and versions", parts=tuple(parts))


def _last_comparison(basis: Basis) -> Form:
    """Of a stage or a candidate; empty where nothing was compared."""
    stages = [part(one, "comparison") for one in forms(basis.measurement, "stages")]
    others = stages + [part(one, "comparison") for one in basis.trials]
    return next((one for one in reversed(others) if one), {})


def _times(comparison: Form, sides: tuple[str, str]) -> Iterator[Part]:
    kinds = (
        ("cold_us", "cold: the L2 cache flushed before each call"),
        ("warm_us", "warm: the same call had just run"),
        ("graph_us", "graph: replayed, warm, no host in between"),
        ("host_us", "host: wall clock to issue one call"),
    )
    rows = []
    for key, said in kinds:
        pair = [figure(comparison, side, key) for side in ("baseline", "candidate")]
        if any(pair):
            rows.append((said, *(words.NONE if one is None else figures.time(one) for one in pair)))
    if rows:
        columns = ("measured", *sides)
        yield Grid(
            caption="Times of one call, each with its interval.", columns=columns, rows=tuple(rows), numeric=columns[1:]
        )
    ratio, warm = figure(comparison, "ratio"), figure(comparison, "warm_ratio")
    if ratio is not None and warm is not None:
        yield Sentence(
            text=f"Ratio of cold calls {figures.ratio(ratio)}, of warm calls {figures.ratio(warm)}, measured."
        )


def _clocks(comparison: Form) -> Iterator[Part]:
    conditions = part(comparison, "conditions")
    if not conditions:
        yield Sentence(text="No clocks were read: NVML did not answer.")
        return
    kinds = (
        ("sm_mhz", "SM clock", "MHz"),
        ("memory_mhz", "memory clock", "MHz"),
        ("power_w", "power", "W"),
        ("temperature_c", "temperature", "°C"),
    )
    rows = []
    for key, said, unit in kinds:
        values = numbers(conditions, key)
        if len(values) == 3:
            rows.append((f"{said}, {unit}", *(figures.plain(one) for one in values)))
    columns = ("while timing", "least", "median", "most")
    samples = number(conditions, "samples")
    counted = "" if samples is None else f", {words.count(samples, 'sample')}"
    yield Grid(caption=f"Read through NVML{counted}.", columns=columns, rows=tuple(rows), numeric=columns[1:])
    reasons = texts(conditions, "throttle_reasons")
    held = words.listed(reasons) if reasons else "nothing"
    yield Sentence(text=f"Clocks were held down by {held}.")
