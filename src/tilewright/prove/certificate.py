"""Certificates: a verification as JSON that holds all it takes to repeat it.

The hash in it shows an accident or a careless edit. It is no signature: whoever changes a certificate can hash it
anew, and only repeating it shows whether what it says is so.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import isfinite
from pathlib import Path
from typing import Any

from tilewright.errors import InputError
from tilewright.prove.plan import SHORT
from tilewright.prove.prover import PRECISIONS
from tilewright.prove.reference import init_arguments, input_specs, verified_file
from tilewright.records.problem import Problem
from tilewright.records.source import TensorSpec
from tilewright.records.verdict import Check, Status, Verdict
from tilewright.records.verification import Claim, Verification, VerifiedFile

SCHEMA = 1
"""Changes when a key of the form changes its meaning, its type or its name, or goes away."""
_LIMIT_BYTES = 64 << 20
_FILES = ("candidate", "reference", "original")
_SEEDS = range(1 << 64)

Form = dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Certificate:
    """What a certificate says, as far as repeating it needs that."""

    claim: Claim
    status: Status
    """The verdict that it states."""
    seed: int
    timeout_s: float
    sha256: str


def verification_form(one: Verification, *, texts: bool) -> Form:
    """A verification as JSON values; docs/json.md names the keys.

    Args:
        one: the verification.
        texts: whether the files' texts are in it, or their hashes alone.
    """
    claim = one.claim
    return {
        "schema": SCHEMA,
        "kind": "certificate" if texts else "verification",
        **{name: _file_form(getattr(claim, name), texts=texts) for name in _FILES},
        "precision": claim.precision,
        "inputs": [_spec_form(spec) for spec in claim.inputs],
        "init_arguments": list(claim.init_arguments),
        "dtypes": list(claim.dtypes),
        "uncompilable_dtypes": list(claim.uncompilable_dtypes),
        "verdict": verdict_form(one.verdict),
        "refused_by": one.refused_by or None,
        "evidence": None if one.evidence is None else check_form(one.evidence),
        "device": one.device,
        "driver": one.driver,
        "architecture": one.architecture,
        "gpu": one.gpu,
        "sandbox": one.sandbox,
        "versions": dict(one.versions),
        "problems": [_problem_form(problem) for problem in one.problems],
        "seeds": list(one.seeds),
        "timeout_s": one.timeout_s,
        "started_utc": one.started_utc,
        "elapsed_s": one.elapsed_s,
        "times_s": dict(one.times_s),
    }


def verdict_form(verdict: Verdict) -> Form:
    """A verdict with all its checks."""
    return {
        "status": verdict.status.value,
        "reason": verdict.reason,
        "checks": [check_form(check) for check in verdict.checks],
        "unchecked": list(verdict.unchecked),
        "seed": verdict.seed,
        "elapsed_s": verdict.elapsed_s,
    }


def check_form(check: Check) -> Form:
    """One check with its figures."""
    names = ("name", "dtype", "distribution", "error", "bound", "original_error", "passed", "detail")
    return {"shapes": [list(shape) for shape in check.shapes]} | {name: getattr(check, name) for name in names}


def render_certificate(one: Verification) -> str:
    """The certificate's text: the form with its texts, and the hash of all of it."""
    body = _finite(verification_form(one, texts=True))
    return json.dumps({**body, "sha256": _digest(body)}, indent=2, allow_nan=False) + "\n"


def read_certificate(path: str, *, candidate: VerifiedFile | None = None) -> Certificate:
    """Read a certificate, to repeat it.

    Args:
        path: where it lies.
        candidate: the file that it is to be about; its name then stands in messages.

    Raises:
        InputError: it cannot be read, is no certificate of this schema, was changed, or is about another candidate.
    """
    body = _parsed(path)
    if body.get("kind") != "certificate":
        raise InputError(f"{path}: no certificate; give a file that `tilewright verify --certificate-out` wrote")
    if body.get("schema") != SCHEMA:
        what = f"{path}: certificate of schema {body.get('schema')!r}"
        raise InputError(f"{what}; this version reads {SCHEMA}: use the version that wrote it")
    stated = body.pop("sha256", None)
    if stated != _digest(body):
        raise InputError(f"{path}: changed after it was written: its SHA-256 does not fit; make a new certificate")
    try:
        found = _certificate(body, str(stated))
    except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
        what = f"{path}: not a complete certificate ({type(error).__name__}: {error})"
        raise InputError(f"{' '.join(what.split())}; make a new one") from error
    if candidate is None:
        return found
    if candidate.sha256 != found.claim.candidate.sha256:
        what = f"{candidate.path}: not the candidate of {path}"
        raise InputError(f"{what}: its SHA-256 begins {candidate.sha256[:12]}, not {found.claim.candidate.sha256[:12]}")
    return replace(found, claim=replace(found.claim, candidate=candidate))


def _parsed(path: str) -> Form:
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        reason = (error.strerror or type(error).__name__).lower()
        raise InputError(f"{path}: cannot be read: {reason}; give a certificate") from error
    if len(data) > _LIMIT_BYTES:
        raise InputError(f"{path}: is larger than 64 MiB; give a certificate")
    try:
        body = json.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise InputError(f"{path}: not JSON; give a certificate") from error
    if not isinstance(body, dict):
        raise InputError(f"{path}: no certificate; give a file that `tilewright verify --certificate-out` wrote")
    return body


def _certificate(body: Mapping[str, Any], sha256: str) -> Certificate:
    files = {name: _file(body[name]) for name in _FILES}
    candidate = files.pop("candidate")
    dtypes, uncompilable = tuple(body["dtypes"]), tuple(body["uncompilable_dtypes"])
    seed, timeout_s = body["seeds"][0], float(body["timeout_s"])
    if candidate is None or not any(files.values()):
        raise ValueError("a file is missing")
    if body["precision"] not in PRECISIONS or not {*dtypes, *uncompilable} <= SHORT.keys():
        raise ValueError("unknown precision or dtype")
    if type(seed) is not int or seed not in _SEEDS or not (isfinite(timeout_s) and timeout_s > 0):
        raise ValueError("a seed or time limit out of range")
    claim = Claim(
        candidate=candidate,
        **files,
        precision=str(body["precision"]),
        inputs=input_specs(body["inputs"]),
        init_arguments=init_arguments(body["init_arguments"]),
        dtypes=dtypes,
        uncompilable_dtypes=uncompilable,
    )
    return Certificate(
        claim=claim, status=Status(body["verdict"]["status"]), seed=seed, timeout_s=timeout_s, sha256=sha256
    )


def _file(form: Mapping[str, Any] | None) -> VerifiedFile | None:
    if form is None:
        return None
    file = verified_file(str(form["path"]), str(form["text"]), int(form["first_line"]))
    if file.sha256 != form["sha256"]:
        raise ValueError(f"the text of {file.path} does not fit its hash")
    return file


def _file_form(file: VerifiedFile | None, *, texts: bool) -> Form | None:
    if file is None:
        return None
    return {
        "path": file.path,
        "sha256": file.sha256,
        "first_line": file.first_line,
        "text": file.text if texts else None,
    }


def _spec_form(spec: TensorSpec) -> Form:
    strides = None if spec.strides is None else list(spec.strides)
    return {"name": spec.name, "dtype": spec.dtype, "shape": list(spec.shape), "strides": strides}


def _problem_form(problem: Problem) -> Form:
    return {
        "label": problem.label,
        "inputs": [_spec_form(spec) for spec in problem.inputs],
        "init_arguments": list(problem.init_arguments),
    }


def _digest(body: Mapping[str, Any]) -> str:
    """SHA-256 of the body in one canonical form: sorted keys, no spaces, ASCII."""
    text = json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
    return hashlib.sha256(text.encode("ascii")).hexdigest()


def _finite(value: Any) -> Any:
    """The value as JSON can hold it: what is not finite is null, tuples are lists."""
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value
