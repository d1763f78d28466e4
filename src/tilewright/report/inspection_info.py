"""An inspection as a report: every launch with its numbers, its instructions, its traffic and its floors."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from tilewright.records.build import Build, InstructionMix
from tilewright.records.estimate import Estimate
from tilewright.records.trial import Inspection, KernelAnalysis
from tilewright.report import words
from tilewright.report.kernel_info import floor_words, kernel_parts
from tilewright.report.run_info import kernel_about, read_lines
from tilewright.report.section import Line, Part, Report, Section, Tone

TOP_OPCODES = 8
_GLOBAL = re.compile(r"^(LDGSTS|LDG|STG|LD|ST|ATOMG|RED|REDG)\b")
_BULK = re.compile(r"^(UTMALDG|UTMASTG|UTMAREDG|UBLKCP|UBLKRED)\b")
_BYTES = {"128": 16, "64": 8, "U16": 2, "S16": 2, "U8": 1, "S8": 1}


def inspection_info(inspection: Inspection) -> Report:
    """Everything that ``inspect`` found, one section a launch."""
    request, target = inspection.request, inspection.target
    read = tuple(read_lines(request, target, inspection.capture))
    sections = [Section(title="READ", about=request.source.path, parts=read)]
    for analysis in inspection.analyses:
        metrics = request.metrics.get(analysis.launch.kernel, {})
        sections.append(
            Section(
                title="LAUNCH",
                about=kernel_about(analysis.launch, request, (one.launch for one in inspection.analyses)),
                parts=(*kernel_parts(analysis, target, metrics), *_machine(analysis)),
            )
        )
    return Report(sections=tuple(sections), conclusion=_conclusion(inspection))


def copy_widths(mix: InstructionMix) -> Mapping[str, int]:
    """Global loads, stores and copies of the main loop by what one thread moves: ``16 B`` to their count.

    Copies by the copy engine move whole tiles, whatever their mnemonic says: they count as ``tile``.
    """
    found: dict[str, int] = {}
    for mnemonic, times in mix.loop_modifiers.items():
        if _BULK.match(mnemonic):
            found["tile"] = found.get("tile", 0) + times
        elif _GLOBAL.match(mnemonic):
            width = f"{_width(mnemonic)} B"
            found[width] = found.get(width, 0) + times
    return found


def _width(mnemonic: str) -> int:
    """Bytes one thread moves; 4 unless a modifier says otherwise. The last one that names a width is the data's."""
    named = [_BYTES[part] for part in mnemonic.split(".")[1:] if part in _BYTES]
    return named[-1] if named else 4


def _machine(analysis: KernelAnalysis) -> Iterator[Part]:
    """What the binary is made of, and what the model makes of the launch."""
    if isinstance(analysis.build, Build):
        yield from _mix(analysis.build.mix)
    if analysis.estimate is not None:
        yield from _model(analysis.estimate)


def _mix(mix: InstructionMix) -> Iterator[Part]:
    if mix.loop:
        yield Line(label="main loop", text=_top(mix.loop))
        widths = ", ".join(f"{times} of {width}" for width, times in copy_widths(mix).items())
        yield Line(label="", text=f"global copies a step by bytes a thread: {widths or 'none'}")
    else:
        yield Line(label="main loop", text="none that multiplies or moves data")
    yield Line(label="outside", text=_top(mix.outside))


def _top(counts: Mapping[str, int]) -> str:
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    shown = ", ".join(f"{stem} {times}" for stem, times in ranked[:TOP_OPCODES])
    rest = sum(times for _, times in ranked[TOP_OPCODES:])
    return f"{words.count(sum(counts.values()), 'instruction')}: {shown}{f', others {rest}' if rest else ''}"


def _model(estimate: Estimate) -> Iterator[Part]:
    traffic = estimate.traffic
    yield Line(
        label="traffic",
        text=f"DRAM {words.amount(traffic.dram_bytes)} ({words.amount(traffic.minimum_dram_bytes)} at least),"
        f" L2 {words.amount(traffic.l2_bytes)}, shared memory {words.amount(traffic.shared_bytes)} (predicted)",
    )
    yield Line(label="floors", text=f"{floor_words(estimate)} (predicted)")


def _conclusion(inspection: Inspection) -> Line:
    """The predicted time of one forward call's kernels."""
    timed = [one.estimate for one in inspection.analyses if one.estimate is not None]
    if not inspection.analyses:
        reason = inspection.capture.error or "forward() launched no kernel"
        return Line(label="NO LAUNCH", text=reason, tone=Tone.BAD)
    failed = len(inspection.analyses) - len(timed)
    launches = words.count(len(inspection.analyses), "launch", "launches")
    low, high = sum(one.low_us for one in timed), sum(one.high_us for one in timed)
    time = sum(one.time_us for one in timed)
    said = f"{words.microseconds(time)} {words.interval(low, high, digits=0 if time >= 99.5 else 1)} predicted"
    text = f"{launches}, {said if timed else 'none of them builds'}"
    if timed and failed:
        text += f"; {failed} of them does not build" if failed == 1 else f"; {failed} of them do not build"
    return Line(label="TOTAL", text=text, tone=Tone.BAD if failed else Tone.PLAIN)
