"""Read INPUT: a kernel file, or a prompt document that holds one."""

from __future__ import annotations

import re

from tilewright.errors import MetricsError, SourceError
from tilewright.records.source import OutputContract, Request
from tilewright.source.document import Document, Fence, Heading, read_document
from tilewright.source.gpu_block import read_gpu_block
from tilewright.source.kernel_file import normalise, read_kernel_file, read_text
from tilewright.source.metrics import ReadMetrics, parse_metrics_json
from tilewright.source.stage_text import read_contract, recognise_stage
from tilewright.source.tree import kernels_of, parse, syntax_fault

_CODE = ("current code", "current kernel", "kernel code", "source code", "input code", "code", "kernel")
_NO_METRICS = re.compile(r"^(n/?a|none|null|not available|no metrics|-|\(none\))[.\s]*$", re.IGNORECASE)


def read_request(path: str) -> Request:
    """Read a ``.py`` in KernelBench form, or a prompt document.

    Raises:
        SourceError: the file or the code in it cannot be used.
        MetricsError: the document's metrics cannot be read, or are about other kernels.
    """
    return read_request_text(path, read_text(path))


def read_request_text(path: str, text: str) -> Request:
    """Read INPUT from its text; ``path`` is what to call it in messages. Raises as ``read_request``."""
    text = normalise(text)
    if not text.strip():
        raise SourceError(path, 1, "the file is empty", "name a kernel file or a prompt document")
    document = read_document(text)
    if _is_python(path, text, document):
        return Request(source=read_kernel_file(path, text))
    return _from_document(path, document)


def _is_python(path: str, text: str, document: Document) -> bool:
    """A ``.py`` is code unless it plainly is a document; any other file is code if it holds no block and is Python."""
    marked = any(heading.rank == 0 and heading.name in _CODE for heading in document.headings)
    if path.endswith((".py", ".pyi")):
        return not (marked and syntax_fault(text) is not None)
    return not marked and not document.fences and syntax_fault(text) is None


def _from_document(path: str, document: Document) -> Request:
    code = _find_code(path, document)
    source = read_kernel_file(path, code.text, code.first_line)
    notes = [f"code: lines {code.first_line} to {code.first_line + code.text.count(chr(10)) - 1}"]

    gpu = read_gpu_block(path, _gpu_lines(document, code.first_line))
    if gpu.name is None and not gpu.overrides:
        notes.append("the document has no GPU block")
    notes += [f"GPU block: {line} is not used" for line in gpu.unused]

    stage, said = _find_stage(document)
    notes.append(said)
    metrics = _find_metrics(path, document, source.kernels)
    notes += metrics.notes
    if not metrics.metrics:
        notes.append("the document has no profiler metrics")
    return Request(
        source=source,
        gpu=gpu.name,
        target_overrides=gpu.overrides,
        stage=stage,
        metrics=metrics.metrics,
        contract=_find_contract(document),
        notes=tuple(notes),
    )


def _find_code(path: str, document: Document) -> Fence:
    """The block under [CURRENT CODE]; else the first Python block with a kernel; else unfenced code under it."""
    heading = next((h for h in document.headings if h.name in _CODE and h.rank < 7), None)
    blocks = [fence for fence in document.fences if fence.info in ("python", "py", "python3", "triton", "")]
    if heading is not None:
        last = document.end_of(heading)
        below = [fence for fence in blocks if heading.line < fence.first_line <= last + 1 and fence.text.strip()]
        if below:
            return next((fence for fence in below if _has_kernel(fence)), below[0])
        unfenced = _unfenced(document, heading, last)
        if unfenced is not None:
            return unfenced
        raise SourceError(path, heading.line, f"no code under [{heading.name.upper()}]", "put it in a ```python block")
    found = next((fence for fence in blocks if _has_kernel(fence)), None)
    if found is None:
        found = next((fence for fence in blocks if "triton" in fence.text and "def " in fence.text), None)
    if found is None:
        what = "no Python block with a @triton.jit kernel"
        raise SourceError(path, None, what, "put the kernel file in a ```python block under [CURRENT CODE]")
    return found


def _unfenced(document: Document, heading: Heading, last: int) -> Fence | None:
    """Code under ``heading`` that has no fences; comments in it look like headings, so only [NAME] ends it."""
    ends = [h.line - 1 for h in document.headings if h.line > heading.line and h.rank == 0]
    last = max(last, min(ends, default=len(document.lines)))
    lines = document.lines[heading.line : last]
    skipped = next((n for n, line in enumerate(lines) if line.strip()), None)
    if skipped is None or any(document.fenced(n) for n in range(heading.line + 1, last + 1)):
        return None
    text = "\n".join(lines[skipped:]).rstrip() + "\n"
    return Fence(info="", first_line=heading.line + 1 + skipped, last_line=last, text=text)


def _has_kernel(fence: Fence) -> bool:
    return syntax_fault(fence.text) is None and bool(kernels_of(parse(fence.text)))


def _gpu_lines(document: Document, code_line: int) -> list[tuple[int, str]]:
    """Lines of the GPU section; without such a heading, everything before the stage section and the code."""
    for heading in document.headings:
        if heading.rank < 7 and ("gpu" in heading.name or "hardware" in heading.name):
            ends = [h.line - 1 for h in document.headings if h.line > heading.line and h.rank < 7]
            return document.prose(heading.line + 1, min(ends, default=len(document.lines)))
    stops = [heading.line - 1 for heading in document.headings if "stage" in heading.name]
    first = next((n for n, line in enumerate(document.lines, 1) if "gpu name" in line.lower()), None)
    return document.prose(first, min([*stops, code_line - 2])) if first is not None else []


def _find_stage(document: Document) -> tuple[str | None, str]:
    headings = [heading for heading in document.headings if "stage" in heading.name]
    if not headings:
        return None, "the document names no stage"
    for heading in headings:
        others = [h.line - 1 for h in document.headings if _ends_stage(h, heading)]
        last = max(min(others, default=len(document.lines)), heading.line)
        lines = [line for _, line in document.prose(heading.line, last)]
        focus = next((h.rest for h in document.headings if h.name == "focus" and heading.line <= h.line <= last), "")
        stage = recognise_stage(focus, "\n".join(lines))
        if stage is not None:
            return stage, f"stage {stage}, from line {heading.line}"
    return None, f"line {headings[0].line}: which stage this describes was not recognised"


def _ends_stage(other: Heading, heading: Heading) -> bool:
    """Whether ``other`` ends the stage section that ``heading`` begins: any heading but one inside the section."""
    return (
        other.line > heading.line
        and other.rank < 7
        and "stage" not in other.name
        and other.rank <= max(heading.rank, 2)
    )


def _find_metrics(path: str, document: Document, kernels: tuple[str, ...]) -> ReadMetrics:
    """The JSON under the metrics heading; a list of wished-for metrics in the stage section is none."""
    for heading in document.headings:
        if "metric" not in heading.name:
            continue
        named = heading.rank == 0 or "profiling" in heading.name
        first = heading.line + 1
        if heading.rest:
            first = heading.line
        lines = [heading.rest] if heading.rest else []
        lines += document.lines[heading.line :]
        while lines and (not lines[0].strip() or lines[0].lstrip().startswith(("```", "~~~"))):
            lines, first = lines[1:], first + 1
        text = "\n".join(lines)
        starts = text.lstrip()[:1]
        if starts in ("{",) or (named and starts == "[" and not re.match(r"\s*\[[A-Z]", text)):
            return parse_metrics_json(path, text, kernels, first)
        absent = not starts or starts == "[" or _NO_METRICS.match(lines[0].strip()) is not None
        if named and not absent:
            what = f"metrics are not JSON: {lines[0].strip()[:40]!r}"
            raise MetricsError(path, first, what, 'write {"kernel": {"metric": number}}')
    for fence in document.fences:
        if fence.info == "json" and fence.text.lstrip().startswith("{") and "__" in fence.text:
            return parse_metrics_json(path, fence.text, kernels, fence.first_line)
    return ReadMetrics(metrics={})


def _find_contract(document: Document) -> OutputContract:
    for heading in document.headings:
        if heading.name.startswith("output") and heading.rank <= 7:
            return read_contract(line for _, line in document.prose(heading.line + 1, document.end_of(heading)))
    return OutputContract()
