"""One comparison of two files as a report, and as JSON: no ratio without its interval."""

from __future__ import annotations

from collections.abc import Iterator
from math import isfinite

from tilewright.records.timing import Comparison, Decision, Interval
from tilewright.report import words
from tilewright.report.measured_form import comparison_form
from tilewright.report.section import Line, Part, Point, Report, Section, Table, Tone
from tilewright.timing import ratio_words, time_words

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
    return f"{one.decision.value}: {ratio_words(one.ratio)}"


def bench_info(one: Comparison, *, baseline: str, candidate: str) -> Report:
    """Everything that ``bench`` measured.

    Args:
        one: the comparison.
        baseline: what to call the baseline.
        candidate: what to call the candidate.
    """
    sections = [
        Section(
            title=one.decision.value.upper(), about=f"{candidate} against {baseline}", parts=tuple(decision_parts(one))
        ),
        Section(
            title="TIMES", about="of one call, measured, medians with 95 % intervals", parts=tuple(times_parts(one))
        ),
        Section(title="MEASURED ON", about=_where(one), parts=tuple(conditions_parts(one))),
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


def decision_parts(one: Comparison) -> Iterator[Part]:
    """What the comparison says of the candidate, and what that rests on."""
    yield Line(label="decision", text=_SAID[one.decision], tone=_TONES.get(one.decision, Tone.PLAIN))
    yield Line(label="cold", text=f"{ratio_words(one.ratio)} baseline over candidate, {_pairs(one)}")
    yield Line(label="warm", text=f"{ratio_words(one.warm_ratio)}, not decided on")
    yield Line(label="noise floor", text=f"{words.percent(one.noise_floor)}: a smaller difference does not count")


def _pairs(one: Comparison) -> str:
    return f"from {words.count(one.pairs, 'pair')} of calls"


def times_parts(one: Comparison, *, baseline: str = "baseline", candidate: str = "candidate") -> Iterator[Part]:
    """Both files' times, and what their autotuners chose."""
    kinds = (
        ("cold, caches flushed", one.baseline.cold_us, one.candidate.cold_us),
        ("warm, it had just run", one.baseline.warm_us, one.candidate.warm_us),
        ("as a CUDA graph, warm", one.baseline.graph_us, one.candidate.graph_us),
        ("host, to issue a call", one.baseline.host_us, one.candidate.host_us),
    )
    rows = tuple((kind, _or_none(first), _or_none(second)) for kind, first, second in kinds)
    yield Table(columns=("time", baseline, candidate), rows=rows, numeric=(baseline, candidate))
    for role, file in ((baseline, one.baseline), (candidate, one.candidate)):
        if file.host_us is not None and file.host_us.value > file.warm_us.value:
            said = "the host takes longer to issue a call than the device to run it"
            yield Line(label=role, text=said, tone=Tone.BAD)
        for configuration in file.configurations:
            yield Line(label=role, text=f"autotuned before the clock started: {configuration}")


def _or_none(time: Interval | None) -> str:
    return words.NONE if time is None else time_words(time)


def _where(one: Comparison) -> str:
    return one.device if one.driver is None else f"{one.device}, driver {one.driver}"


def conditions_parts(one: Comparison) -> Iterator[Part]:
    """Clocks, power, versions: what the times hold for."""
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
