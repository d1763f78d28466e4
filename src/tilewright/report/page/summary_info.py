"""The headline and the first section: what came out, in one look."""

from __future__ import annotations

from collections.abc import Iterator

from tilewright.report import words
from tilewright.report.page import figures
from tilewright.report.page.basis import Basis, verdict_of
from tilewright.report.page.model import Block, Facts, Headline, Points
from tilewright.report.page.reading import forms, number, numbers, text, texts
from tilewright.report.section import Tone


def headline(basis: Basis) -> Headline:
    """IMPROVED, UNCHANGED or UNFINISHED with the speed-up and its interval."""
    document = basis.document
    reason = text(document, "reason")
    if not basis.finished:
        verdict, tone = "UNFINISHED", Tone.BAD
        kept = words.count(len(basis.accepted), "candidate was", "candidates were")
        ended = "is still running" if text(document, "state") == "running" else "was interrupted before its last step"
        reason = f"The run {ended}; {kept} proved and kept until then"
    elif basis.improved:
        verdict, tone = "IMPROVED", Tone.GOOD
    else:
        verdict, tone = "UNCHANGED", Tone.PLAIN
    shown = basis.ratio if basis.improved else None
    return Headline(
        verdict=verdict,
        tone=tone,
        figure="" if shown is None else f"x{shown.value:.2f}",
        interval="" if shown is None else figures.bounds(shown),
        provenance="" if shown is None else basis.provenance,
        sentence=_sentence(reason or "The document gives no reason"),
    )


def summary_block(basis: Basis) -> Block:
    """Times, what they hold for, what was asked."""
    document = basis.document
    parts = [Facts(rows=tuple(_rows(basis)))]
    said = [*_caveats(basis), *texts(document, "assumptions"), *texts(document, "measurement", "notes")]
    points = (Points(items=tuple(said)),) if said else ()
    return Block(key="summary", title="Summary", parts=(*parts, *points))


def title(basis: Basis) -> str:
    """The kernels by name."""
    kernels = list(dict.fromkeys(texts(basis.document, "input", "kernels")))
    return words.listed(kernels) if kernels else text(basis.document, "input", "path", default="Run")


def subtitle(basis: Basis) -> str:
    """Where the figures hold, and whence they come."""
    gpu = text(basis.document, "measurement", "device") or text(basis.document, "gpu", "title", default="GPU unknown")
    how = "measured on it" if basis.measured else "predicted for it, without a GPU"
    made = text(basis.document, "created_utc")
    return "; ".join([f"{gpu}, {how}", *([made] if made else [])])


def _rows(basis: Basis) -> Iterator[tuple[str, str]]:
    document = basis.document
    yield "Input", text(document, "input", "path", default="not named")
    yield "Shapes", _shapes(basis) or "not known"
    provenance = basis.provenance
    if basis.before is not None:
        yield "Time of the input", f"{figures.time(basis.before)} {provenance}, one forward call"
    if basis.after is not None:
        yield "Time of the output", f"{figures.time(basis.after)} {provenance}, one forward call"
    if basis.ratio is not None and basis.improved:
        yield "Speed-up", f"{figures.ratio(basis.ratio)} {provenance}{_interval_words(basis)}"
    yield "Proof", _proof(basis)
    yield "Stage", text(document, "stage", default="not known")
    floor = number(document, "measurement", "floor_us")
    if floor is not None:
        yield "Roofline", f"{words.microseconds(floor)} predicted: no schedule of the same arithmetic is faster"
    elapsed = number(document, "elapsed_s")
    if elapsed is not None:
        yield "Run", f"{text(document, 'run', default='not kept in a store')}, {figures.seconds(elapsed)}"


def _shapes(basis: Basis) -> str:
    said = []
    for spec in forms(basis.document, "inputs"):
        shape = ", ".join(f"{size:,.0f}" for size in numbers(spec, "shape"))
        name = text(spec, "name")
        said.append(name if text(spec, "dtype") == "python" else f"{name} {text(spec, 'dtype')}[{shape}]")
    return ", ".join(said)


def _interval_words(basis: Basis) -> str:
    if basis.measured:
        pairs = number(basis.measurement, "comparison", "pairs")
        floor = number(basis.measurement, "comparison", "noise_floor_fraction")
        counted = "" if pairs is None else f" of {words.count(pairs, 'pair')} of cold calls"
        noise = "" if floor is None else f"; a difference counts from {100 * floor:.2f} % on"
        return f", 95 % interval{counted}{noise}"
    return ", the interval is what the model doubts of itself"


def _proof(basis: Basis) -> str:
    verdict = verdict_of(basis)
    if not verdict:
        return "none needed: the input goes back as it was" if basis.finished and not basis.improved else "none yet"
    checks = forms(verdict, "checks")
    held = sum(check.get("passed") is True for check in checks)
    return f"{text(verdict, 'status')}: {held:,} of {words.count(len(checks), 'check')} hold"


def _caveats(basis: Basis) -> Iterator[str]:
    if not basis.measured:
        listed = any(len(forms(trial, "schedules")) > 1 for trial in basis.accepted[-1:])
        settled = "; the first run on the GPU settles which entry of the autotune list is used" if listed else ""
        yield f"Every time and ratio here is predicted{settled}."
    if basis.decision and basis.decision != "faster":
        yield f"The last comparison says {basis.decision}."
    if basis.improved and basis.ratio is not None and basis.ratio.low <= 1.0:
        yield "The interval includes 1: measure before you rely on it."
    error = text(basis.document, "capture_error")
    if error:
        yield f"The forward call ended early when it was recorded: {error}"


def _sentence(text_: str) -> str:
    said = text_[:1].upper() + text_[1:]
    return said if said.endswith((".", "!", "?")) else f"{said}."
