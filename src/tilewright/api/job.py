"""What a run is a function of, so that it can be kept and run again; and what is kept of its answer."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from tilewright.errors import ReferenceFileError, StoreError
from tilewright.prove.certificate import render_certificate
from tilewright.prove.reference import read_reference_file
from tilewright.records.source import Request
from tilewright.records.target import Target
from tilewright.records.trial import Run
from tilewright.records.verification import Verification
from tilewright.report.json_form import render_json, run_form
from tilewright.search.measured.options import DEFAULT_LIMIT_S
from tilewright.store import NullLog


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """All that a run depends on besides the machine. A field more is an option more that is kept."""

    request: Request
    target: Target
    stage: str
    """A stage's name, or ``all``."""
    precision: str
    device: str
    seed: int
    """Of the inputs that proofs are made on: secret from whoever wrote the file."""
    reference: str | None = None
    """Text of the reference file."""
    limit_s: float = DEFAULT_LIMIT_S
    """Seconds that a measured run may take, all its sittings together."""
    autotune: bool = False
    """Whether a measured run emits its finalists as an autotune list."""
    folder: str = ""
    """Where the command stood: paths in the request start there."""


def kept_request(job: Job) -> dict[str, object]:
    """The job as a store keeps it."""
    from tilewright.store import forms

    shown = {"path": job.request.source.path, "gpu": job.target.name, "device": job.device, "stage": job.stage}
    return {**shown, "job": forms.to_form(job)}


def job_of(request: Mapping[str, object]) -> Job:
    """The job that :func:`kept_request` kept.

    Raises:
        StoreError: it was kept in another form.
    """
    from tilewright.store import forms

    try:
        return forms.from_form(Job, request["job"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        what = "was kept by another Tilewright, and cannot be read"
        raise StoreError("the run", what, "run `tilewright optimize` again") from error


@contextmanager
def with_its_reference(job: Job) -> Iterator[Request]:
    """The request with a reference file that says what it said when the run began, wherever it is now."""
    given = job.request.reference_path
    if given is None or job.reference is None:
        yield job.request
        return
    for place in (given, str(Path(job.folder, given))):
        if _text(place) == job.reference:
            yield replace(job.request, reference_path=place)
            return
    with tempfile.TemporaryDirectory(prefix="tilewright-reference-") as folder:
        copy = Path(folder, Path(given).name)
        copy.write_text(job.reference, encoding="utf-8")
        yield replace(job.request, reference_path=str(copy))


def _text(path: str) -> str | None:
    try:
        return read_reference_file(path).text
    except ReferenceFileError:
        return None


KEPT_KEYS = ("run", "created_utc", "versions", "texts", "certificate")
"""What a kept run's document has besides the JSON of a run."""


def kept_document(run: Run, log: NullLog, verification: Verification | None = None) -> dict[str, object]:
    """The run's JSON with what a report needs besides: see "Kept run" in docs/json.md."""
    output = run.winner.candidate.text if run.winner else run.request.source.text
    form: dict[str, object] = {
        **run_form(run),
        "run": log.id,
        "created_utc": log.created_utc,
        "versions": log.versions,
        "texts": {"input": run.request.source.text, "output": output},
        "certificate": None if verification is None else json.loads(render_certificate(verification)),
    }
    plain: dict[str, object] = json.loads(render_json(form))
    return plain
