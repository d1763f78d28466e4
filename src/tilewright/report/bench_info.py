"""One comparison of two files as a report, and as JSON: no ratio without its interval."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from tilewright.records.timing import Comparison, Conditions, Decision, Interval, TimedFile
from tilewright.report import words
from tilewright.report.section import Line, Part, Point, Report, Section, Table, Tone

SCHEMA = 1
_TONES = {Decision.FASTER: Tone.GOOD, Decision.SLOWER: Tone.BAD}
_SAID = {
    Decision.FASTER: "the candidate is faster",
    Decision.SLOWER: "the candidate is slower",
    Decision.SAME: "the candidate takes as long as the baseline, within the noise floor",
    Decision.AMBIGUOUS: "the time was up before the interval said one thing; give more --seconds",
}


def comparison_line(one: Comparison) -> str:
    """``slower: x0.971 [0.969, 0.973]``: one line for programs."""
    return f"{one.decision.value}: {measured_ratio(one.ratio)}"


def measured_ratio(ratio: Interval) -> str:
    """``x0.971 [0.969, 0.973]``; three digits after the point, more below a tenth."""
    digits = 3 if ratio.value >= 0.1 else 6
    return f"x{ratio.value:.{digits}f} {words.interval(ratio.low, ratio.high, digits=digits)}"


def measured_time(time: Interval) -> str:
    """``2,612 us [2,608, 2,617]``; four digits or so."""
    digits = next((digits for least, digits in ((1000, 0), (100, 1), (10, 2)) if time.value >= least), 3)
    return f"{time.value:,.{digits}f} us {words.interval(time.low, time.high, digits=digits)}"


def bench_info(one: Comparison, *, baseline: str, candidate: str) -> Report:
    """Everything that ``bench`` measured.

    Args:
        one: the comparison.
        baseline: what to call the baseline.
        candidate: what to call the candidate.
    """
    sections = [
        Section(title=one.decision.value.upper(), about=f"{candidate} against {baseline}", parts=tuple(_decision(one))),
        Section(title="TIMES", about="of one call, measured, medians with 95 % intervals", parts=tuple(_times(one))),
        Section(title="MEASURED ON", about=_where(one), parts=tuple(_conditions(one))),
    ]
    if one.notes:
        parts = tuple(Point(text=note) for note in one.notes)
        sections.append(Section(title="NOTES", about=words.count(len(one.notes), "thing"), parts=parts))
    return Report(sections=tuple(sections))


def bench_form(one: Comparison, *, baseline: str, candidate: str) -> dict[str, object]:
    """A comparison with the names of its files, in the form of docs/json.md."""
    return {
        "schema": SCHEMA,
        "kind": "comparison",
        "baseline_path": baseline,
        "candidate_path": candidate,
        "comparison": comparison_form(one),
    }


def comparison_form(one: Comparison) -> dict[str, object]:
    """A comparison, in the form of docs/json.md."""
    return {
        "provenance": "measured",
        "decision": one.decision.value,
        "ratio": interval_form(one.ratio),
        "warm_ratio": interval_form(one.warm_ratio),
        "noise_floor_fraction": one.noise_floor,
        "pairs": one.pairs,
        "baseline": _file_form(one.baseline),
        "candidate": _file_form(one.candidate),
        "device": one.device,
        "driver": one.driver,
        "versions": dict(one.versions),
        "conditions": None if one.conditions is None else _conditions_form(one.conditions),
        "notes": list(one.notes),
        "elapsed_s": one.elapsed_s,
    }


def interval_form(one: Interval) -> dict[str, object]:
    """A median with its interval."""
    return {"value": one.value, "low": one.low, "high": one.high}


def _file_form(one: TimedFile) -> dict[str, object]:
    return {
        "sha256": one.sha256,
        "cold_us": interval_form(one.cold_us),
        "warm_us": interval_form(one.warm_us),
        "graph_us": None if one.graph_us is None else interval_form(one.graph_us),
        "host_us": None if one.host_us is None else interval_form(one.host_us),
        "configurations": list(one.configurations),
    }


def _conditions_form(one: Conditions) -> dict[str, object]:
    return {
        "sm_mhz": _reading(one.sm_mhz),
        "memory_mhz": _reading(one.memory_mhz),
        "power_w": _reading(one.power_w),
        "temperature_c": _reading(one.temperature_c),
        "throttle_reasons": list(one.throttle_reasons),
        "samples": one.samples,
    }


def _reading(values: tuple[float, float, float]) -> list[float] | None:
    return list(values) if all(map(isfinite, values)) else None


def _decision(one: Comparison) -> Iterator[Part]:
    yield Line(label="decision", text=_SAID[one.decision], tone=_TONES.get(one.decision, Tone.PLAIN))
    yield Line(label="cold", text=f"{measured_ratio(one.ratio)} baseline over candidate, {_pairs(one)}")
    yield Line(label="warm", text=f"{measured_ratio(one.warm_ratio)}, not decided on")
    yield Line(label="noise floor", text=f"{words.percent(one.noise_floor)}: a smaller difference does not count")


def _pairs(one: Comparison) -> str:
    return f"from {words.count(one.pairs, 'pair')} of calls"


def _times(one: Comparison) -> Iterator[Part]:
    kinds = (
        ("cold, caches flushed", one.baseline.cold_us, one.candidate.cold_us),
        ("warm, it had just run", one.baseline.warm_us, one.candidate.warm_us),
        ("as a CUDA graph, warm", one.baseline.graph_us, one.candidate.graph_us),
        ("host, to issue a call", one.baseline.host_us, one.candidate.host_us),
    )
    rows = tuple((kind, _or_none(first), _or_none(second)) for kind, first, second in kinds)
    yield Table(columns=("time", "baseline", "candidate"), rows=rows, numeric=("baseline", "candidate"))
    for role, file in (("baseline", one.baseline), ("candidate", one.candidate)):
        if file.host_us is not None and file.host_us.value > file.warm_us.value:
            said = "the host takes longer to issue a call than the device to run it"
            yield Line(label=role, text=said, tone=Tone.BAD)
        for configuration in file.configurations:
            yield Line(label=role, text=f"autotuned before the clock started: {configuration}")


def _or_none(time: Interval | None) -> str:
    return words.NONE if time is None else measured_time(time)


def _where(one: Comparison) -> str:
    return one.device if one.driver is None else f"{one.device}, driver {one.driver}"


def _conditions(one: Comparison) -> Iterator[Part]:
    found = one.conditions
    if found is None:
        yield Line(label="clocks", text="not known: NVML does not answer")
    else:
        yield Line(label="SM clock", text=_spread(found.sm_mhz, "MHz"))
        yield Line(label="memory clock", text=_spread(found.memory_mhz, "MHz"))
        yield Line(label="power", text=_spread(found.power_w, "W"))
        yield Line(label="temperature", text=_spread(found.temperature_c, "C"))
        held = words.listed(found.throttle_reasons) if found.throttle_reasons else "nothing"
        tone = Tone.BAD if found.throttle_reasons else Tone.PLAIN
        yield Line(label="held down by", text=f"{held}, in {words.count(found.samples, 'reading')}", tone=tone)
    yield Line(label="versions", text=", ".join(f"{name} {version}" for name, version in one.versions.items()))
    yield Line(label="seconds", text=f"{one.elapsed_s:.1f}")


def _spread(values: tuple[float, float, float], unit: str) -> str:
    """``1,980 MHz [1,965, 1,980]``: the median with the smallest and the largest."""
    if not all(map(isfinite, values)):
        return "not known"
    low, middle, high = values
    return f"{middle:,.0f} {unit} {words.interval(low, high)}"
