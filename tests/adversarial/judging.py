"""How an entry of the corpus is verified, and what must hold of the outcome: the same with and without a GPU."""

from __future__ import annotations

import zlib
from typing import Any

import corpus

import tilewright

INTERPRETER_TIMEOUT_S = 60.0
HANG_TIMEOUT_S = 3.0
"""For files that are listed as undecided: they hang, and there is no more to see after this."""


def verify(verifier: tilewright.Verifier, entry: corpus.Entry, *, seed: int | None = None) -> Any:
    """Verify a file as its manifest entry says.

    Args:
        verifier: whose processes to use; files with one reference share its runs.
        entry: the file.
        seed: of inputs and parameters; by default one that the reference's name gives, so that a run can be repeated.
    """
    return verifier.verify(
        str(entry.path),
        reference=str(corpus.FOLDER / entry.reference),
        original=None if entry.original is None else str(corpus.FOLDER / entry.original),
        precision=entry.precision,
        seed=zlib.crc32(entry.reference.encode()) if seed is None else seed,
        timeout_s=HANG_TIMEOUT_S if entry.status == "undecided" else INTERPRETER_TIMEOUT_S,
    )


def complaint(entry: corpus.Entry, result: Any) -> str:
    """What is wrong with an outcome, or an empty string."""
    verdict = result.verdict
    if str(verdict.status) != entry.status:
        return f"{verdict.status}, expected {entry.status}: {verdict.reason}"
    return _not_accepted_for_good(verdict) if entry.kind == "honest" else _not_the_right_reason(entry, result)


def _not_the_right_reason(entry: corpus.Entry, result: Any) -> str:
    """A refusal counts if the check that it reports is one that the trick fails."""
    if entry.status == "undecided":
        # no answer came, so no check failed: the reason must lie with the candidate
        return "" if "candidate" in result.verdict.reason else f"undecided for another reason: {result.verdict.reason}"
    # what lint sees in the source, the audit hook sees when it happens
    accepted = entry.refused_by
    if result.device != "interpreter":
        accepted = (*accepted, *entry.refused_by_on_gpu)
    if "lint" in accepted:
        accepted = (*accepted, "system access")
    if any("relative" in name for name in accepted):
        accepted = (*accepted, "relative error", "local scale")
    if any(name in result.refused_by for name in accepted):
        return ""
    return f"refused by {result.refused_by!r}, expected {', '.join(entry.refused_by)}: {result.verdict.reason}"


def _not_accepted_for_good(verdict: Any) -> str:
    """An acceptance counts if every check holds, and some comparison would have failed for zeros."""
    failed = [check.name for check in verdict.checks if not check.passed]
    if failed:
        return f"proved with failed checks: {', '.join(failed)}"
    telling = [check for check in verdict.checks if "would pass" not in check.detail and _compares(check.name)]
    return "" if telling else "proved by no check that an output of zeros would fail"


def _compares(name: str) -> bool:
    return name == "equal" or any(part in name for part in ("relative Frobenius error", "largest error", "allclose"))


def outcome(entry: corpus.Entry, result: Any) -> dict[str, object]:
    """One line of a results file."""
    return {
        "name": entry.name,
        "kind": entry.kind,
        "status": str(result.verdict.status),
        "expected": entry.status,
        "refused_by": result.refused_by,
        "reason": result.verdict.reason,
        "checks": len(result.verdict.checks),
        "seed": result.verdict.seed,
        "elapsed_s": round(result.verdict.elapsed_s, 3),
        "complaint": complaint(entry, result),
    }
