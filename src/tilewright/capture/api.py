"""The parent's side of capture: hand the file to a worker, and turn what comes back into records or errors."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from tilewright.capture import wire
from tilewright.errors import InputError, ReferenceFileError, SourceError, SpecError
from tilewright.records.launch import Capture
from tilewright.records.source import KernelSource, TensorSpec
from tilewright.records.target import Target
from tilewright.workers import Outcome, Worker

PRELOAD = ("tilewright.capture.job",)
"""Modules for a Worker to import at its start, so that a capture's time limit does not pay for PyTorch and Triton."""
_JOB = "tilewright.capture.job:run"
_REFERENCE_LIMIT_BYTES = 4 << 20


def capture(
    source: KernelSource,
    *,
    target: Target,
    worker: Worker,
    inputs: tuple[TensorSpec, ...] = (),
    reference: str | None = None,
    init_arguments: Sequence[Any] | None = None,
    grid_sizes: Mapping[str, int] | None = None,
    timeout_s: float = 60.0,
) -> Capture:
    """Run ``ModelNew.forward`` once on tensors without memory, and note every launch.

    Args:
        source: the kernel file.
        target: the GPU that kernels are specialised for, and that ``torch.cuda`` answers for.
        worker: where the user's code runs; best made with ``preload=PRELOAD``.
        inputs: forward's arguments in order; they win over those of a reference, whose init arguments still count.
        reference: path of a KernelBench reference file, read for shapes, types and init arguments.
        init_arguments: what to construct ModelNew with; ``None`` takes the reference's, or those the file itself has.
        grid_sizes: kernel to number of programs (``launch__grid_size``); guides sizes that must be inferred.
        timeout_s: the most seconds that all of it may take.

    Raises:
        SourceError: the file does not load, has no ModelNew, or does not run.
        SpecError: ``inputs`` do not fit.
        ReferenceFileError: the reference does not load or fit.
    """
    arguments: dict[str, Any] = {"inputs": [asdict(each) for each in inputs], "grid_sizes": dict(grid_sizes or {})}
    if init_arguments is not None:
        arguments["init"] = list(init_arguments)
    if reference is not None:
        arguments["reference"] = _copied_reference(reference, worker)
    return _run(source, target, worker, arguments, reference, timeout_s)


def capture_variants(
    source: KernelSource,
    *,
    capture: Capture,
    target: Target,
    worker: Worker,
    dtypes: tuple[str, ...] = ("fp32", "fp16", "bf16"),
    timeout_s: float = 60.0,
) -> dict[str, Capture]:
    """Capture the same problem with the floating inputs and the model in other types.

    Args:
        source: the kernel file.
        capture: of the problem itself; its inputs and init arguments are used again.
        target: see :func:`capture`.
        worker: see :func:`capture`.
        dtypes: Triton's names: fp32, fp16, bf16, fp64.
        timeout_s: for each of them.

    Returns:
        One capture for each type. Where the file refuses a type, the capture has no launches, and says why.
    """
    inputs = [asdict(each) for each in capture.inputs]
    found = {}
    for dtype in dtypes:
        arguments = {"inputs": inputs, "init": list(capture.init_arguments), "dtype": dtype}
        try:
            found[dtype] = _run(source, target, worker, arguments, None, timeout_s)
        except InputError as error:
            found[dtype] = Capture(launches=(), inputs=(), outputs=(), error=str(error))
    return found


def _run(
    source: KernelSource,
    target: Target,
    worker: Worker,
    arguments: dict[str, Any],
    reference: str | None,
    timeout_s: float,
) -> Capture:
    digest = hashlib.sha256(source.text.encode()).hexdigest()[:16]
    file = worker.folder / f"kernel_{digest}.py"
    file.write_text(source.text, encoding="utf-8")
    given = {"path": str(file), "facts": asdict(target), "first_line": source.first_line, **arguments}
    outcome = worker.call(_JOB, given, timeout_s=timeout_s)
    if outcome.kind != "returned":
        raise SourceError(source.path, None, _ended(outcome), "run the file by itself to see why")
    try:
        refused = outcome.value.get("refused")
        found = wire.decode(outcome.value["capture"]) if refused is None else _error(refused, source, reference)
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # code in the worker can write what it likes on its pipe
        what = "capture's worker gave an answer that is no capture"
        raise SourceError(source.path, None, what, "run the file by itself to see why") from error
    if isinstance(found, InputError):
        raise found
    return found


def _copied_reference(reference: str, worker: Worker) -> str:
    """The reference's text, put where the worker may read it."""
    try:
        text = Path(reference).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ReferenceFileError(reference, None, f"cannot be read: {reason}", "give a readable file") from error
    if len(text) > _REFERENCE_LIMIT_BYTES:
        raise ReferenceFileError(reference, None, "is larger than 4 MiB", "give a Python file")
    file = worker.folder / f"reference_{hashlib.sha256(text.encode()).hexdigest()[:16]}.py"
    file.write_text(text, encoding="utf-8")
    return str(file)


def _ended(outcome: Outcome) -> str:
    """How the process ended, in words for the user."""
    if outcome.kind == "raised":
        return f"capture failed: {outcome.error_type}: {outcome.message}"
    return f"running forward() without a GPU ended early: {outcome.message}"


def _error(refused: Mapping[str, Any], source: KernelSource, reference: str | None) -> InputError:
    kind, line = refused["kind"], refused["line"]
    what, remedy = refused["what"], refused["remedy"]
    if kind == "reference" and reference is not None:
        # the line is the reference's own only where its functions failed; a wrapper's line is quoted in ``what``
        return ReferenceFileError(reference, line, what, remedy)
    place = None if line is None else line + source.first_line - 1
    return (SpecError if kind == "spec" else SourceError)(source.path, place, what, remedy)
