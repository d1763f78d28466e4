"""Builds many kernels at once: what needs building, where it runs, what came of it."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

from tilewright.compiler import cache as build_cache
from tilewright.compiler.toolchain import Toolchain, installed
from tilewright.compiler.ttir import strip_locations
from tilewright.records.build import Build, BuildFailure

_JOB = "tilewright.compiler.job:build"
_LONGEST_MESSAGE = 400
# "loc("/tmp/x/kernel.ttir":71:63): error: …" and "/tmp/x/kernel.ttir:71:63: error: …"
_MLIR_ERROR = re.compile(r"kernel\.ttir\"?:(?P<place>\d+:\d+)\)?: error: (?P<what>.+)")

OLDEST = (7, 5)
"""The oldest compute capability that the tools which come with Triton 3.6 to 3.9 can read binaries of."""
_TOO_OLD = "is older than sm_75, the oldest GPU that Triton's tools can build for and read"


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildJob:
    """One kernel to build for one target with one set of options."""

    kernel: str
    """The name that the Build will carry."""
    ttir: str
    compute_capability: tuple[int, int]
    num_warps: int
    num_stages: int
    num_ctas: int = 1
    instructions: bool = True
    """Whether to disassemble the binary. Without, a third of the time is saved, and the Build's mix is empty."""


class JobOutcome(Protocol):
    """What a worker says of one call (see ``tilewright.workers``)."""

    @property
    def kind(self) -> str:
        """``returned``, ``raised``, ``crashed``, ``out_of_memory`` or ``timed_out``."""
        ...

    @property
    def value(self) -> Any:
        """What the job returned, as JSON gives it back."""
        ...

    @property
    def message(self) -> str:
        """What the job raised."""
        ...

    @property
    def stderr_tail(self) -> str:
        """The end of what the worker wrote on stderr during the call."""
        ...


class JobPool(Protocol):
    """The part of ``tilewright.workers.Pool`` that building needs."""

    def map(self, job: str, arguments: Sequence[Mapping[str, object]], *, timeout_s: float) -> Sequence[JobOutcome]:
        """Call ``job`` once per mapping of keyword arguments; outcomes come in the order of ``arguments``."""
        ...


def build_many(
    jobs: Sequence[BuildJob], *, pool: JobPool, cache: Path | None, timeout_s: float = 120.0
) -> list[Build | BuildFailure]:
    """Build every job, in parallel, each distinct one once.

    Args:
        jobs: What to build. Jobs that differ in source locations alone are one.
        pool: Where the compiler runs.
        cache: Folder of finished builds (see ``default_cache``), or ``None`` to build everything anew.
        timeout_s: The longest that one build may take.

    Returns:
        One entry per job, in the order of ``jobs``. A kernel that needs more shared memory than its target has still
        gives a Build: only the target's own limit can say so.
    """
    if not jobs:
        return []
    toolchain = installed()
    distinct: dict[str, BuildJob] = {}
    keys = []
    for job in jobs:
        stripped = replace(job, ttir=strip_locations(job.ttir))
        key = job_key(stripped, toolchain)
        keys.append(key)
        distinct.setdefault(key, stripped)
    found: dict[str, Build | BuildFailure] = {}
    if cache is not None:
        found.update((key, build) for key in distinct if (build := build_cache.load(cache, key)) is not None)
    too_old = {key: job for key, job in distinct.items() if job.compute_capability < OLDEST}
    found.update(
        (key, _failure(job, "unsupported", f"sm_{job.compute_capability[0]}{job.compute_capability[1]} {_TOO_OLD}"))
        for key, job in too_old.items()
    )
    missing = [key for key in distinct if key not in found]
    outcomes = pool.map(_JOB, [_arguments(distinct[key]) for key in missing], timeout_s=timeout_s) if missing else []
    for key, outcome in zip(missing, outcomes, strict=True):
        result = _result(distinct[key], outcome, timeout_s)
        found[key] = result
        if cache is not None and isinstance(result, Build) and _made_by(result, toolchain):
            build_cache.store(cache, key, result)
    return [replace(found[key], kernel=job.kernel) for key, job in zip(keys, jobs, strict=True)]


def job_key(job: BuildJob, toolchain: Toolchain) -> str:
    """Return the hash of all that decides the binary and how its facts are read."""
    parts = [
        build_cache.SCHEMA,
        toolchain.triton_version,
        toolchain.ptxas_versions,
        job.compute_capability,
        job.num_warps,
        job.num_stages,
        job.num_ctas,
        job.instructions,
        job.ttir,
    ]
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()


def _made_by(build: Build, toolchain: Toolchain) -> bool:
    """Whether the worker used the compiler that the key was made for (its environment can name another)."""
    return build.triton_version == toolchain.triton_version and build.ptxas_version in toolchain.ptxas_versions


def _arguments(job: BuildJob) -> dict[str, object]:
    return {
        "ttir": job.ttir,
        "compute_capability": list(job.compute_capability),
        "num_warps": job.num_warps,
        "num_stages": job.num_stages,
        "num_ctas": job.num_ctas,
        "instructions": job.instructions,
    }


def _result(job: BuildJob, outcome: JobOutcome, timeout_s: float) -> Build | BuildFailure:
    if outcome.kind == "returned":
        try:
            return _returned(job, outcome)
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            return _failure(job, "crashed", f"the worker's answer is no build: {error!r}")
    if outcome.kind == "timed_out":
        return _failure(job, "timed_out", f"no binary after {timeout_s:g} s")
    if outcome.kind == "out_of_memory":
        return _failure(job, "crashed", "the compiler ran out of memory")
    if outcome.kind == "crashed":
        return _failure(job, "crashed", _last_line(outcome.stderr_tail) or outcome.message or "the compiler died")
    return _failure(job, "compile_error", outcome.message or _last_line(outcome.stderr_tail))


def _returned(job: BuildJob, outcome: JobOutcome) -> Build | BuildFailure:
    if "build" in outcome.value:
        return build_cache.build_from(outcome.value["build"])
    kind, message = str(outcome.value["failure"]["kind"]), str(outcome.value["failure"]["message"])
    # The compiler's passes write their reasons to stderr and raise a bare "PassManager::run failed".
    reason = _diagnostic(outcome.stderr_tail) if "failed" in message.lower() else ""
    return _failure(job, kind, reason or message)


def _failure(job: BuildJob, kind: str, message: str) -> BuildFailure:
    line = " ".join(message.split())[:_LONGEST_MESSAGE]
    return BuildFailure(kernel=job.kernel, compute_capability=job.compute_capability, kind=kind, message=line)


def _diagnostic(stderr: str) -> str:
    """Return the last error that MLIR reported, without the path of the temporary file it stands in."""
    found = list(_MLIR_ERROR.finditer(stderr))
    return f"TTIR {found[-1]['place']}: {found[-1]['what']}" if found else ""


def _last_line(text: str) -> str:
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return lines[-1] if lines else ""
