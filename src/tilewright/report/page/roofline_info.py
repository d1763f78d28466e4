"""The roofline: what the GPU allows at the arithmetic's own intensity, and where input and output stand under it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from tilewright.report import words
from tilewright.report.page import figures
from tilewright.report.page.basis import Basis
from tilewright.report.page.model import Block, Chart, Dot, Drawing, Grid, Key, Label, Line, Mark, Part, Sentence
from tilewright.report.page.plot import NARROW, WIDE, Scale, log_ticks, path
from tilewright.report.page.reading import Figure, forms, number, part, text

HEIGHT, TOP, LEFT, RIGHT, FOOT = 340.0, 12.0, 58.0, 14.0, 46.0
APART, LABEL_WIDTH, NEAR = 4.5, 90.0, 14.0
"""Pixels that a point stands from its intensity, that its label takes, and from which on the roof is near it."""
UNIT_WORDS = {
    "tensor_tf32": "TF32 tensor cores",
    "tensor_fp16": "FP16 tensor cores",
    "tensor_bf16": "BF16 tensor cores",
    "fp32": "FP32 units",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Roof:
    """One GPU, and one forward call's arithmetic."""

    dram_tb_per_s: float
    peaks: Mapping[str, float]
    """Unit to 10^12 operations a second."""
    unit: str
    """That does most of the operations."""
    operations: float
    least_bytes: float
    """Every input read once, every output written once."""

    @property
    def intensity(self) -> float:
        """Operations for each byte that has to cross DRAM."""
        return self.operations / self.least_bytes

    @property
    def allowed_tflops(self) -> float:
        """The roof at that intensity."""
        return min(self.peaks[self.unit], self.intensity * self.dram_tb_per_s)

    def rate(self, time: Figure) -> Figure:
        """10^12 operations a second at a time in us; a long time is a low rate."""
        made = self.operations / 1e6
        return Figure(value=made / time.value, low=made / time.high, high=made / time.low)

    def share(self, time: Figure) -> Figure:
        """That rate over the roof."""
        rate = self.rate(time)
        roof = self.allowed_tflops
        return Figure(value=rate.value / roof, low=rate.low / roof, high=rate.high / roof)


def roofline_block(basis: Basis) -> Block:
    """The chart with both points, or why there is none."""
    roof = roof_of(basis)
    points = [(name, time) for name, time in (("input", basis.before), ("output", basis.after)) if time is not None]
    if isinstance(roof, str) or not points:
        why = roof if isinstance(roof, str) else "No time of the whole forward call is known, so nothing can be placed."
        return Block(key="roofline", title="Roofline", parts=(Sentence(text=why),))
    parts: list[Part] = [
        Sentence(text=_sentence(roof)),
        _chart(roof, points, basis.provenance),
        _table(roof, points, basis.provenance),
    ]
    return Block(key="roofline", title="Roofline", parts=tuple(parts))


def roof_of(basis: Basis) -> Roof | str:
    """The roof, or one sentence that says what is missing for it."""
    kernels = forms(basis.document, "kernels")
    rate = number(basis.document, "gpu", "dram_gb_per_s")
    peaks = _numbers(part(basis.document, "gpu", "peak_tflops"))
    if not kernels:
        return "No launch was read, so neither operations nor bytes are known."
    if rate is None or not peaks:
        return "The document does not hold the GPU's peak rates: it was written by an older version."
    operations: dict[str, float] = {}
    least = 0.0
    for kernel in kernels:
        own, moved = _numbers(part(kernel, "algorithm", "operations")), number(kernel, "estimate", "minimum_dram_bytes")
        if not own or moved is None:
            name = text(kernel, "kernel")
            return f"How many operations {name} does is not known (its code was not lifted), so it has no roof to show."
        least += moved
        for unit, count in own.items():
            operations[unit] = operations.get(unit, 0.0) + count
    unit = max(operations, key=lambda one: operations[one])
    if unit not in peaks or least <= 0 or operations[unit] <= 0:
        return f"The peak rate of {UNIT_WORDS.get(unit, unit)} is not known for this GPU, so there is no roof to show."
    return Roof(
        dram_tb_per_s=rate / 1e3,
        peaks=peaks,
        unit=unit,
        operations=sum(operations.values()),
        least_bytes=least,
    )


def _numbers(form: Mapping[str, object]) -> dict[str, float]:
    return {key: value for key in form if (value := number(form, key)) is not None and value > 0}


def _sentence(roof: Roof) -> str:
    unit = UNIT_WORDS.get(roof.unit, roof.unit)
    bound = "memory" if roof.allowed_tflops < roof.peaks[roof.unit] else unit
    return (
        f"One forward call does {roof.operations / 1e9:,.4g} GFLOP and has to move"
        f" {words.amount(roof.least_bytes)} (each input read once, each output written once):"
        f" {roof.intensity:,.4g} FLOP a byte. There {bound} bound it, at {roof.allowed_tflops:,.4g} TFLOP/s."
        " The roofs are the vendor's peaks; no kernel reaches all of them."
    )


def _table(roof: Roof, points: list[tuple[str, Figure]], provenance: str) -> Grid:
    rows = tuple(
        (name, figures.time(time), _rate(roof.rate(time)), figures.share(roof.share(time))) for name, time in points
    )
    columns = (f"{provenance}", "one call", "TFLOP/s", "of the roof")
    return Grid(caption="Where both stand under the roof.", columns=columns, rows=rows, numeric=columns[1:])


def _rate(rate: Figure) -> str:
    return f"{rate.value:.4g} {words.interval(rate.low, rate.high, digits=1)}"


def _chart(roof: Roof, points: list[tuple[str, Figure]], provenance: str) -> Chart:
    said = "; ".join(
        f"{name} at {_rate(roof.rate(time))} TFLOP/s, {figures.share(roof.share(time))} of the roof"
        for name, time in points
    )
    keys = (
        Key(kind="roof", text="what the GPU allows"),
        *(Key(kind=f"{name}-{provenance}", text=f"{name}, {provenance}, with its interval") for name, _ in points),
    )
    return Chart(
        name="roofline",
        title="Roofline of one forward call",
        description=f"Rate of arithmetic over operations for each byte of DRAM, both axes logarithmic: {said}.",
        wide=_drawing(roof, points, provenance, WIDE),
        narrow=_drawing(roof, points, provenance, NARROW),
        keys=keys,
    )


def _drawing(roof: Roof, points: list[tuple[str, Figure]], provenance: str, width: float) -> Drawing:
    ridge = {unit: peak / roof.dram_tb_per_s for unit, peak in roof.peaks.items()}
    bottom, right = HEIGHT - FOOT, width - RIGHT
    slowest = min(roof.rate(time).low for _, time in points)
    x = Scale(
        low=min(1.0, roof.intensity / 4),
        high=max(4 * roof.intensity, 3 * ridge[roof.unit]),
        start=LEFT,
        end=right,
        logarithmic=True,
    )
    top_rate = 1.8 * max(roof.peaks[roof.unit], roof.rate(points[-1][1]).high)
    y = Scale(low=min(slowest / 3, roof.peaks[roof.unit] / 50), high=top_rate, start=bottom, end=TOP, logarithmic=True)
    return Drawing(
        width=width,
        height=HEIGHT,
        left=LEFT,
        top=TOP,
        right=right,
        bottom=bottom,
        x_ticks=log_ticks(x, apart=44.0),
        y_ticks=log_ticks(y, apart=26.0),
        x_label="FLOP for each byte that has to cross DRAM",
        y_label="TFLOP/s",
        marks=(*_roofs(roof, ridge, x, y), *_points(roof, points, provenance, x, y)),
    )


def _roofs(roof: Roof, ridge: Mapping[str, float], x: Scale, y: Scale) -> list[Mark]:
    """The memory's slope and the used unit's level as one line; other units' levels thin."""
    start = max(x.low, y.low / roof.dram_tb_per_s)
    knee = ridge[roof.unit]
    corners = [(start, start * roof.dram_tb_per_s), (knee, roof.peaks[roof.unit]), (x.high, roof.peaks[roof.unit])]
    own = roof.peaks[roof.unit]
    marks: list[Mark] = [
        Line(points=path([(x.at(a), y.at(b)) for a, b in corners]), kind="roof"),
        Label(x=x.end - 2, y=y.at(own) - 7, text=_level(roof.unit, own), anchor="end", kind="roof-name"),
        Label(
            x=x.at(start) + 28,
            y=y.at(start * roof.dram_tb_per_s) - 9,
            text=f"slope: DRAM, {roof.dram_tb_per_s:,.3g} TB/s",
            kind="roof-name",
        ),
    ]
    taken = [y.at(own)]
    for unit, peak in sorted(roof.peaks.items(), key=lambda item: -item[1]):
        level = y.at(peak)
        if unit == roof.unit or not y.low < peak < y.high or any(abs(level - other) < 18 for other in taken):
            continue
        taken.append(level)
        marks += [
            Line(points=path([(x.at(max(ridge[unit], x.low)), level), (x.end, level)]), kind="other-roof"),
            Label(x=x.end - 2, y=level - 5, text=_level(unit, peak), anchor="end", kind="other-roof-name"),
        ]
    return marks


def _level(unit: str, peak: float) -> str:
    return f"{UNIT_WORDS.get(unit, unit)}, {peak:,.4g}"


def _points(roof: Roof, points: list[tuple[str, Figure]], provenance: str, x: Scale, y: Scale) -> list[Mark]:
    middle = x.at(roof.intensity)
    marks: list[Mark] = [Line(points=path([(middle, y.start), (middle, y.at(roof.allowed_tflops))]), kind="intensity")]
    for name, time in points:
        rate, share = roof.rate(time), figures.share(roof.share(time))
        low, high, level = y.at(rate.low), y.at(rate.high), y.at(rate.value)
        # both have the one intensity: they stand left and right of it, so that neither hides the other
        side = -1.0 if name == "input" else 1.0
        at = middle + side * APART
        room = side > 0 and x.end - at < LABEL_WIDTH
        marks += [
            Line(points=path([(at, low), (at, high)]), kind="whisker"),
            Dot(
                x=at, y=level, kind=f"{name}-{provenance}", title=f"{name}: {_rate(rate)} TFLOP/s, {share} of the roof"
            ),
            Label(
                x=at - 10 if side < 0 or room else at + 10,
                y=level + (20 if room or level - y.at(roof.allowed_tflops) < NEAR else 4),
                text=f"{name} {rate.value:.4g}",
                anchor="end" if side < 0 or room else "start",
                kind="value",
            ),
        ]
    return marks
