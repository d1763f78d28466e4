"""What a file launches, and what is wrong with it."""

from __future__ import annotations

from tilewright import lint, profiling, search, source, stages
from tilewright.api.options import DEFAULT_STAGE, read_request
from tilewright.capture import capture
from tilewright.records.finding import Finding
from tilewright.records.trial import Inspection
from tilewright.search.analyse import analyse


def inspect(
    path: str, *, gpu: str | None = None, reference: str | None = None, inputs: str | None = None
) -> Inspection:
    """Return every launch of a file, built for the target, with what binds it."""
    request, target = read_request(path, gpu=gpu, metrics=None, reference=reference, inputs=inputs)
    stage = stages.get(request.stage or DEFAULT_STAGE)
    with search.Session(target) as session:
        found = capture(
            request.source,
            target=target,
            worker=session.capture_worker,
            inputs=request.inputs,
            reference=request.reference_path,
            grid_sizes=profiling.grid_sizes(request.metrics),
        )
        analysed = analyse(found, session, metrics=request.metrics, stage=stage)
    return Inspection(request=request, target=target, capture=found, analyses=tuple(one.analysis for one in analysed))


def lint_file(path: str, *, inputs: str | None = None, gpu: str | None = None) -> tuple[Finding, ...]:
    """Return what is wrong with a file; with ``inputs``, also what its launches with those shapes show."""
    if inputs is None:
        return lint.check(source.read_request(path).source)
    request, target = read_request(path, gpu=gpu, metrics=None, reference=None, inputs=inputs)
    with search.Session(target) as session:
        found = capture(request.source, target=target, worker=session.capture_worker, inputs=request.inputs)
    return lint.check(request.source, found.launches)


def fix_file(path: str) -> tuple[str, tuple[Finding, ...]]:
    """Return the file with the safe fixes applied, and what they were."""
    return lint.fix(source.read_text(path))
