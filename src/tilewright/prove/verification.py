"""Parts of a verification that need no process: static checks, evidence, versions."""

from __future__ import annotations

import platform
from importlib import metadata

from tilewright.prove.structure.judge import static_facts
from tilewright.records.source import KernelSource
from tilewright.records.verdict import Check, Status, Verdict
from tilewright.records.verification import VerifiedFile

STATIC = "source"
"""What stands as the distribution of a check that read the candidate and ran nothing."""
_PACKAGES = ("torch", "triton", "numpy")


def static_checks(candidate: VerifiedFile, original: VerifiedFile | None) -> tuple[Check, ...]:
    """What the source alone tells: rules against tricks, of which the original may carry those it needs."""
    facts = static_facts(kernel_source(candidate), None if original is None else kernel_source(original))
    return tuple(_static(fact.name, fact.passed, fact.detail) for fact in facts)


def _static(name: str, passed: bool, detail: str) -> Check:
    return Check(
        name=name,
        dtype="",
        shapes=(),
        distribution=STATIC,
        error=0.0 if passed else 1.0,
        bound=0.0,
        original_error=None,
        passed=passed,
        detail=detail,
    )


def evidence(verdict: Verdict) -> Check | None:
    """The failed check that the reason of a refutation reports."""
    failed = [check for check in verdict.checks if not check.passed]
    if verdict.status is not Status.REFUTED or not failed:
        return None
    named = [check for check in failed if verdict.reason.startswith(f"{check.name}")]
    told = [check for check in failed if check.detail and check.detail in verdict.reason]
    both = [check for check in named if check in told]
    return (both or told or named or failed)[0]


def kernel_source(file: VerifiedFile) -> KernelSource:
    """The file as the other rooms take it; its kernels are not looked up."""
    return KernelSource(path=file.path, text=file.text, kernels=(), first_line=file.first_line)


def versions(tilewright_version: str) -> dict[str, str]:
    """Versions of what a verdict depends on."""
    found = {"tilewright": tilewright_version, "python": platform.python_version()}
    for package in _PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            found[package] = "unknown"
    return found
