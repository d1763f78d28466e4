"""What the options of every command mean, and how its input is read."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import replace
from enum import StrEnum
from pathlib import Path
from typing import TypeVar

from tilewright import profiling, source, targets
from tilewright.api.given import Given, request_of
from tilewright.errors import InputError, MetricsError
from tilewright.prove.reference import verified_file
from tilewright.records.source import Request
from tilewright.records.target import Target
from tilewright.records.verification import VerifiedFile

DEFAULT_GPU = "rtx4090"
DEFAULT_STAGE = "grid_and_parallel"
SEED_BITS = 63
_Choice = TypeVar("_Choice", bound=StrEnum)


class Precision(StrEnum):
    """What a candidate's error against float64 may be."""

    SAME = "same"
    NO_WORSE = "no-worse"
    TOLERANCE = "tolerance"


class Device(StrEnum):
    """Where candidates are measured."""

    CUDA = "cuda"
    NONE = "none"


def check_writable(path: Path | None) -> None:
    """Fail before the work, not after it, when an output cannot be written.

    Raises:
        InputError: the folder does not exist or the file cannot be written.
    """
    if path is None:
        return
    folder = path.parent
    if not folder.is_dir():
        raise InputError(f"{path}: the folder {folder} does not exist; make it first")
    if path.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise InputError(f"{path}: cannot be written; name a file in a folder of yours")


def kernel_file(path: str) -> VerifiedFile:
    """Read a kernel file, or the code of a prompt document, for a proof.

    Raises:
        InputError: it cannot be used.
    """
    found = source.read_request(path).source
    return verified_file(found.path, found.text, found.first_line)


def choice(choices: type[_Choice], value: str, option: str) -> _Choice:
    """The choice that a text names.

    Raises:
        InputError: none of that name.
    """
    try:
        return choices(value)
    except ValueError:
        known = ", ".join(choices)
        raise InputError(f"{option} {str(value)!r}: no such choice; use one of {known}") from None


def read_request(
    path: Given, *, gpu: str | None, metrics: str | None, reference: str | None, inputs: str | None
) -> tuple[Request, Target]:
    """Read INPUT, let the command line win over it, and load its target.

    The request's ``gpu`` stays empty where nobody named one; the target is the default then.
    """
    request = request_of(path)
    changes: dict[str, object] = {}
    if inputs is not None:
        changes["inputs"] = source.parse_inputs(inputs)
    if reference is not None:
        changes["reference_path"] = reference
    if metrics is not None:
        changes["metrics"] = _known_metrics(metrics, request)
    request = replace(request, **changes)  # type: ignore[arg-type]
    name = gpu or request.gpu or DEFAULT_GPU
    # A document's numbers describe the GPU it names: with another --gpu they would describe nothing.
    same = gpu is None or request.gpu is None or targets.load(gpu).name == targets.load(request.gpu).name
    overrides = request.target_overrides if same else {}
    notes = list(request.notes)
    if gpu is None and request.gpu is None:
        notes.append(_assumed())
    notes += targets.differences(targets.load(name), overrides)
    if not same:
        notes.append(f"--gpu {gpu} wins over the document's {request.gpu}, whose numbers are left aside")
    return replace(request, gpu=gpu or request.gpu, notes=tuple(notes)), targets.load(name, overrides)


def with_note(request: Request, note: str, *, measured: bool) -> Request:
    """The request with a note more; a measured run assumes no GPU."""
    notes = [one for one in request.notes if not (measured and one == _assumed())]
    return replace(request, notes=(*notes, *([note] if note else [])))


def _assumed() -> str:
    return f"no GPU named: {targets.load(DEFAULT_GPU).title} assumed"


def _known_metrics(path: str, request: Request) -> Mapping[str, Mapping[str, float]]:
    profile = profiling.read_metrics(path, request.source.kernels)
    if not profile.metrics:
        raise MetricsError(path, None, "holds no metrics", 'write {"kernel": {"metric": number}}')
    return profile.metrics
